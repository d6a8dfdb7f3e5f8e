// Newtonian cooling and surface drag of the standard test of dynamical cores.
#pragma once

#include "forecast/dynamics/grid_columns.h"
#include "forecast/dynamics/grid_path.h"
#include "forecast/dynamics/physics.h"
#include "forecast/dynamics/physics_fused.h"

namespace pear::forecast {

/// Source:  Held and Suarez 1994 (Bull. Am. Meteorol. Soc. 75), p. 1826.
class HeldSuarezPhysics : public Physics {
 public:
  explicit HeldSuarezPhysics(GridColumns columns, GridPath path = GridPath::Automatic);
  torch::Tensor tendencies(const GridFields& fields, double days) const override;

 private:
  torch::Tensor tendencies_tensor(const GridFields& fields) const;

  GridColumns columns_;
  GridPath path_;
  PhysicsTables tables_;
  torch::Tensor cooling_;  ///< kT: [K, 2, H, 1], s-1
  torch::Tensor drag_;     ///< kv: [K, 1, 1, 1], s-1
};

}  // namespace pear::forecast
