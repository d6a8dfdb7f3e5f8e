// The fused loops of physics, from and to tensors.
#pragma once

#include <torch/types.h>

#include <optional>
#include <vector>

#include "forecast/dynamics/grid_columns.h"
#include "forecast/dynamics/grid_views.h"
#include "forecast/dynamics/primitive_state.h"

namespace pear::forecast {

/// What PhysicsView needs beside fields; tables in double, rounded once per call.
struct PhysicsTables {
  std::vector<PhysicsLayer<double>> layers;
  std::vector<PhysicsRow<double>> rows;  ///< northern rows, then southern ones
  torch::Tensor cooling;                 ///< [K, 2 H] values
  torch::Tensor land;                    ///< [2, H, L]; undefined: sea only
  std::optional<WaterConstants<double>> water;
  Planet planet;
  double coldest = 0;

  /// Layers and rows of the columns, filled as far as columns determine them.
  explicit PhysicsTables(const GridColumns& columns);
};

/// Tendencies as Physics::tendencies returns them, in one pass over the grid. CPU, not recorded.
torch::Tensor physics_fused(const PhysicsTables& tables, const GridFields& fields);

}  // namespace pear::forecast
