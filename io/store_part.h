// One part of a store: a NetCDF-4 file with all variables of one time, their checksums and moments.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "io/store_format.h"

namespace pear::io {

/// Writes the file under `path` (a temporary name of the caller's).
///
/// Shapes:  values [channels, cells]; moments per variable and level.
/// Errors:  DataError `NetcdfError`.
void write_part(const std::filesystem::path& path, const StoreIndex& index, Time t, std::span<const float> values,
                const VariableMoments& moments, const std::string& source_note);

/// What finalise and summaries need of a part: no field values are read.
struct PartContent {
  std::vector<uint32_t> crc;  ///< per variable
  VariableMoments moments;
};
/// Errors:  DataError `StoreMismatch` if the part lacks a variable or belongs to another time; `NetcdfError`.
PartContent read_part_content(const std::filesystem::path& path, const StoreIndex& index, Time t);

/// Values of one variable through the NetCDF library (compressed parts). Shapes: out [levels, cells].
void read_part_values(const std::filesystem::path& path, const StoreVariable& variable, std::span<float> out);

}  // namespace pear::io
