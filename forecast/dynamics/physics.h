// What the air receives from outside the adiabatic equations.
#pragma once

#include <torch/types.h>

#include <memory>

#include "forecast/dynamics/primitive_state.h"

namespace pear::forecast {

/// Tendencies on the grid from the fields there.
class Physics {
 public:
  virtual ~Physics() = default;
  /// Shapes:  fields as GridFields -> [F, B, K, 2, H, L], F = 3 or 4: d(u cos)/dt, d(v cos)/dt (m s-2), dT/dt (K s-1)
  ///          and, where the state is moist, dq/dt (s-1).
  /// `days`:  days since 2001-01-01, for the season.
  virtual torch::Tensor tendencies(const GridFields& fields, double days) const = 0;
};

}  // namespace pear::forecast
