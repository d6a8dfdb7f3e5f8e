// GRIB1 and GRIB2 through ecCodes, which never sees the file: fields are cut out by io/grib_index.h.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "io/reader.h"

namespace pear::io {

/// Values of a field in stored order, before canonical order and units; missing values are NaN.
struct StoredField {
  std::string short_name, level_type, grid_type;
  double level = 0;
  int date = 0, time = 0;
  std::vector<double> values;
};

/// Every packing ecCodes knows, any scanning mode; regular lat-lon, regular and reduced Gaussian, HEALPix, sub-areas.
///
/// Errors:  DataError `BadMessage`, `TruncatedFile`, `UnsupportedGrid` (naming template and message),
///          `UnsupportedPacking`, `LibraryTooOld`, `UnsupportedBuild` in a build without ecCodes.
std::unique_ptr<FieldReader> open_grib(const std::filesystem::path& path, const ReadOptions& options);

/// Every field of a file, decoded, in stored order (any grid, spectral coefficients included), for checks.
std::vector<StoredField> read_grib_stored(const std::filesystem::path& path, const ReadOptions& options = {});

}  // namespace pear::io
