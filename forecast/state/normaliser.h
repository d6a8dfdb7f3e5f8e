// Physical units <-> numbers of order one, per variable and level.
#pragma once

#include <torch/types.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "forecast/state/state.h"
#include "io/store.h"

namespace pear::forecast {

/// One mean and standard deviation per channel (float64), and those of the tendency x(t + lag) - x(t) if asked for.
///
/// Source:  PEAR: statistics over all pixels and training days.
/// Shapes:  channels as StateLayout::channel_names().
class Normaliser {
 public:
  struct Statistics {
    std::vector<double> mean, stddev;     ///< [C]
    std::vector<double> tendency_stddev;  ///< [C]; empty without a lag
  };
  Normaliser(StateLayout layout, Statistics statistics);

  /// Statistics of the store, variables and levels matched by name and value, never by position.
  /// Errors: DataError `MissingVariable`, `MissingLevel`, `MissingStatistics` (lag not stored), `BadStatistics`
  ///         (a standard deviation that is zero or not finite).
  static Normaliser from_store(const io::Store& store, const StateLayout& layout, std::optional<Duration> tendency_lag);
  /// Mean 0 and standard deviation 1: physical units go in and come out.
  static Normaliser identity(const StateLayout& layout);
  /// Errors:  DataError `BadStatistics` (a member is absent or of another type, other channels), ShapeError
  ///          `SizeMismatch`.
  static Normaliser from_json(const nlohmann::json& json, const StateLayout& layout);
  nlohmann::json to_json() const;

  State normalise(const State& physical) const;
  State denormalise(const State& normalised) const;
  /// Change in units of the tendency's standard deviation -> change in normalised units. Factor 1 without tendency
  /// statistics.
  State scale_tendency(const State& tendency) const;

  const StateLayout& layout() const { return layout_; }
  const Statistics& statistics() const { return statistics_; }

 private:
  struct Affine {
    torch::Tensor surface, upper;  ///< float64 [1, Vs, 1], [1, Vu, L, 1]
  };
  Affine affine(const std::vector<double>& values) const;
  StateLayout layout_;
  Statistics statistics_;
  Affine mean_, stddev_, tendency_ratio_;
};

}  // namespace pear::forecast
