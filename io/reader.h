// Any field file (GRIB, NetCDF, store) behind one interface: index first, values on demand.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/field.h"

namespace pear::io {

struct ReadOptions {
  bool skip_bad = false;  ///< go on after a damaged GRIB message; it is listed in `problems()`
  bool allow_suspect_units = false;
  std::string expver = "error";  ///< CDS files mixing final (1) and preliminary (5): error | merge
};

/// An opened and indexed file. Not thread-safe; open one per thread.
class FieldReader {
 public:
  virtual ~FieldReader() = default;
  /// Every field of the file in file order. No values are decoded to build it.
  virtual const std::vector<FieldInfo>& fields() const = 0;
  /// Decodes field `index`. Shapes: values [cells], canonical order. Errors: DataError (codes of the design page).
  virtual Field read(size_t index) = 0;
  /// "grib1", "grib2", "netcdf3", "netcdf4", …
  virtual std::string format() const = 0;
  /// Damaged parts that were skipped (with `skip_bad`), one line each.
  virtual std::vector<std::string> problems() const { return {}; }
};

/// Recognises the format by content (magic bytes), never by the file name.
/// Errors: DataError `FileNotFound`, `UnknownFormat`, `ZipNotNetcdf`, `TruncatedFile`, `UnsupportedBuild` (GRIB in a
/// build without ecCodes), and everything the format's own reader raises.
std::unique_ptr<FieldReader> open_fields(const std::filesystem::path& path, const ReadOptions& options = {});

}  // namespace pear::io
