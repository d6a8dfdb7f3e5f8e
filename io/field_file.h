// Any set of fields -> one CF-1.13 NetCDF file that open_fields reads back.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/field.h"

namespace pear::io {

/// Assembles time and level axes and writes every field once.
///
/// Shapes:  every field [cells] on one and the same grid; a variable needs a value for each (time, level) of its own
///          axes, fields of one variable have the same member and step structure.
/// Units:   as the fields say.
/// Errors:  DataError `GridMismatch`, `DuplicateField`, `MissingTime` (a hole in the time x level table),
/// `UnitsMismatch`,
///          `WriteFailed`; ConfigError `UnsupportedGrid`.
void write_fields(const std::filesystem::path& path, const std::vector<Field>& fields,
                  const std::string& provenance_json, const std::string& title = "fields written by pear");

}  // namespace pear::io
