// Forecast files: one initial time, many leads, CF-1.13 NetCDF on HEALPix or rows x columns.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "sphere/grid/grid.h"

namespace pear::io {

struct OutputVariable {
  std::string name;                ///< canonical name
  std::string units;               ///< canonical units
  std::vector<double> levels_hpa;  ///< empty for a surface variable
  bool operator==(const OutputVariable&) const = default;
};

/// Writes one forecast, one (lead, variable) slab at a time; the file has its final name only after `commit`.
///
/// Shapes:  values [levels, cells] in the order of the variable's levels and the grid's cells; NaN = missing.
/// Units:   as declared per variable; nothing is converted.
/// Errors:  ConfigError `UnsupportedGrid` (face-major or reduced grids, nside not a power of two), ShapeError
///          `SizeMismatch`, DataError `WriteFailed`, `StoreIncomplete` if `commit` comes before every slab was written.
class ForecastFileWriter {
 public:
  static std::unique_ptr<ForecastFileWriter> create(const std::filesystem::path& path, const sphere::Grid& grid,
                                                    std::vector<OutputVariable> variables, Time init,
                                                    std::vector<Duration> leads, const std::string& provenance_json);
  virtual ~ForecastFileWriter() = default;
  virtual void write(size_t lead_index, size_t variable, std::span<const float> values) = 0;
  virtual void commit() = 0;
};

/// Reads what ForecastFileWriter wrote. One thread at a time inside the library; calls are safe from many.
///
/// Shapes:  out [levels, cells].
/// Errors:  DataError `FileNotFound`, `TruncatedFile`, `NotAForecast`, `ReadFailed`; ShapeError `SizeMismatch`.
class ForecastFile {
 public:
  static std::unique_ptr<ForecastFile> open(const std::filesystem::path& path);
  virtual ~ForecastFile() = default;
  virtual const sphere::Grid& grid() const = 0;
  virtual const std::vector<OutputVariable>& variables() const = 0;
  virtual Time init() const = 0;
  virtual const std::vector<Duration>& leads() const = 0;
  virtual void read(size_t lead_index, size_t variable, std::span<float> out) const = 0;
  virtual std::string provenance_json() const = 0;
};

}  // namespace pear::io
