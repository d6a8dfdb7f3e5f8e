// Newtonian cooling and surface drag of the standard test of dynamical cores.
#pragma once

#include "forecast/dynamics/physics.h"
#include "forecast/dynamics/grid_columns.h"

namespace pear::forecast {

/// Source:  Held and Suarez 1994 (Bull. Am. Meteorol. Soc. 75), p. 1826.
class HeldSuarezPhysics : public Physics {
 public:
  explicit HeldSuarezPhysics(GridColumns columns);
  torch::Tensor tendencies(const GridFields& fields, double days) const override;

 private:
  GridColumns columns_;
  torch::Tensor cooling_;  ///< kT: [K, 2, H, 1], s-1
  torch::Tensor drag_;     ///< kv: [K, 1, 1, 1], s-1
};

}  // namespace pear::forecast
