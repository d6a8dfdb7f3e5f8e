// NetCDF files of every on-disk form: CDS old and new, CF, HEALPix (CF-1.13, DKRZ, faces).
#pragma once

#include <filesystem>
#include <memory>

#include "io/reader.h"

namespace pear::io {

/// Refuses files that are shorter than their own header says; NetCDF-C would read zeros there.
/// Errors:  DataError `TruncatedFile` naming both lengths.
void check_netcdf_complete(const std::filesystem::path& path);

/// Every data variable on a horizontal grid: one field for each level, time, lead and member. Dimensions go by what
/// their coordinates are, in any order.
///
/// Errors:  DataError `TruncatedFile`, `NetcdfError`, `CalendarUnsupported`, `UnitsMismatch`, `UnitsSuspect`,
///          `DuplicateMeridianMismatch`, `UnsupportedGrid`, `MissingLevel` (levels that are no pressures),
///          `DuplicateField` (two experiment versions valid at once).
std::unique_ptr<FieldReader> open_netcdf(const std::filesystem::path& path, const ReadOptions& options);

}  // namespace pear::io
