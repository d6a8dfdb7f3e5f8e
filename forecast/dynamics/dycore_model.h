// The dynamical core as a ForecastModel: numerical weather prediction at low resolution.
#pragma once

#include <string>

#include "forecast/dynamics/core_assembly.h"
#include "forecast/model/forecast_model.h"
#include "sphere/harmonics/points.h"

namespace pear::forecast {

/// Fits the core's harmonics to the state, integrates, and evaluates them at the cells again.
///
/// A state that this model has just returned is continued from its own layers: only the first step of a forecast is
/// interpolated from pressure levels.
/// Needs z, t, u, v on levels (q makes it moist); gives those and any of msl, u10, v10, t2m.
/// Errors:  DataError `MissingVariable` (construction), `Unstable` (step); ConfigError `BadTruncation` where the grid is
///          too coarse for the truncation, `BadTimeStep` where the step is not a multiple of the core's.
class DycoreModel : public ForecastModel {
 public:
  DycoreModel(const CoreConfig& config, StateLayout layout, Duration step);

  /// dycore_t21, dycore_t21_perturbed
  std::string name() const override { return name_; }
  const StateLayout& layout() const override { return layout_; }
  Duration step_length() const override { return step_; }
  State step(const State& state, Time valid_time) override;
  const nlohmann::json& definition() const { return assembly_.definition; }

 private:
  CoreState initial(const State& state, Time valid_time) const;
  State state_of(const CoreState& core, const State& like) const;
  int64_t upper_index(const std::string& name) const;

  StateLayout layout_;
  Duration step_;
  std::string name_;
  CoreAssembly assembly_;
  sphere::PointHarmonics points_;
  CoreState core_;  ///< that `last_` was made of
  State last_;
  Time last_time_;
};

/// Days since 2001-01-01.
double dynamics_days(Time t);

}  // namespace pear::forecast
