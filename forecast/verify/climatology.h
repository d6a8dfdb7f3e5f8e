// Climatologies: mean states by hour and day of year, computed from a store and kept in a file with their definition.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/config/field.h"
#include "forecast/verify/score_config.h"
#include "io/store.h"

namespace pear::forecast {

/// The mean state that belongs to a moment. Thread-safe.
class Climatology {
 public:
  virtual ~Climatology() = default;
  virtual const sphere::Grid& grid() const = 0;
  virtual const std::vector<io::StoreVariable>& variables() const = 0;
  /// Kind, years, hours, samples and the fingerprint of the store (scoring.md section 8).
  virtual const nlohmann::json& definition() const = 0;
  /// Mean of variable `variable` valid at `valid`. Shapes: out [num_levels, cells]. Units: those of the variable.
  /// Errors:  ShapeError; DataError `MissingTime` if the climatology has no mean for that hour or day.
  virtual void read(size_t variable, Time valid, std::span<float> out) const = 0;
  /// Errors: DataError `MissingVariable` listing the names present.
  size_t variable_index(const std::string& name) const;
};

/// Computes a climatology from the times of `period` that the store holds and writes it to `file` (atomic).
/// An existing file of the same definition is used as it is.
///
/// Memory:  one variable of one time, whatever the length of the period.
/// Errors:  DataError `MissingTime` (no time of the period present, or sparse days without allow_sparse).
std::shared_ptr<const Climatology> make_climatology(const io::Store& store, const ClimatologyConfig& config,
                                                    const TimeSelection& period, const std::filesystem::path& file);

/// Errors: DataError `FileNotFound`, `BadClimatology`.
std::shared_ptr<const Climatology> open_climatology(const std::filesystem::path& file);

}  // namespace pear::forecast
