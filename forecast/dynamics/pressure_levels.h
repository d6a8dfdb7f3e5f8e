// From the model's layers to pressure levels and the weather at the ground, and back.
#pragma once

#include <torch/types.h>

#include <vector>

#include "forecast/dynamics/grid_columns.h"
#include "forecast/dynamics/primitive_equations.h"
#include "forecast/dynamics/surface.h"

namespace pear::forecast {

/// One state as analyses have it. Shapes: [B, levels, 2, H, L]; surface fields [B, 2, H, L].
struct LevelFields {
  torch::Tensor z, t, u, v, q;       ///< m2 s-2, K, m s-1, kg kg-1; q is zero in a dry run
  torch::Tensor msl, u10, v10, t2m;  ///< Pa, m s-1, K
};

/// Interpolates on the transform's grid.
///
/// t, u, v, q are linear in ln p between layers; z follows from the virtual temperature being so. Above the uppermost
/// layer the air is isothermal, below the lowest its temperature rises by 6.5 K/km (also under the ground); u, v, q keep
/// their values there. Winds at 10 m follow a logarithmic profile over a roughness of 1 mm (sea) to 10 cm (land).
class PressureLevels {
 public:
  /// `levels_hpa` in any order, kept in the result. `surface`: of the state's truncation.
  PressureLevels(const PrimitiveEquations& equations, const Surface& surface, std::vector<double> levels_hpa);

  LevelFields from_layers(const GridFields& fields) const;

  /// A state of the model from fields on the levels (the surface fields are not read): surface pressure where z meets
  /// the ground, layers by interpolation linear in ln p, vapour none above 100 hPa.
  /// Errors: DataError `BadLevels` with fewer than two levels.
  PrimitiveState to_layers(const LevelFields& fields, bool moist) const;

 private:
  torch::Tensor surface_pressure(const LevelFields& sorted) const;
  LevelFields sorted_by_pressure(const LevelFields& fields) const;

  const PrimitiveEquations& equations_;
  GridColumns columns_;
  torch::Tensor ground_;         ///< surface geopotential [2, H, L]
  torch::Tensor log_roughness_;  ///< [2, H, L], ln of metres
  torch::Tensor hydrostatic_;    ///< [K, K]
  std::vector<double> levels_hpa_;
  std::vector<int64_t> order_;  ///< positions of the levels, lowest pressure first
};

}  // namespace pear::forecast
