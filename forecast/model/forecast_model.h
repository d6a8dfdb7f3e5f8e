// Anything that carries a state one step forward: learned networks, persistence, climatology, the dynamical core.
#pragma once

#include <string>

#include "forecast/state/state.h"

namespace pear::forecast {

class ForecastModel {
 public:
  virtual ~ForecastModel() = default;
  /// Name in score tables.
  virtual std::string name() const = 0;
  virtual const StateLayout& layout() const = 0;
  virtual Duration step_length() const = 0;
  /// State valid at `valid_time` -> state valid at `valid_time + step_length()`, both in physical units.
  /// Shapes: as State with any batch size B. No gradients are recorded.
  virtual State step(const State& state, Time valid_time) = 0;
};

}  // namespace pear::forecast
