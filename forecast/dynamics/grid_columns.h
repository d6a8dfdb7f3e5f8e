// Where the points of the transform's grid lie, in the form that physics and diagnostics need.
#pragma once

#include <torch/types.h>

#include "forecast/dynamics/planet.h"
#include "forecast/dynamics/sigma_coordinate.h"
#include "sphere/harmonics/transform.h"

namespace pear::forecast {

/// Shapes: sin_lat [2, H, 1], cos2 [1, H, 1] (both hemispheres alike), sigma and its thickness [K, 1, 1, 1], in the type
/// and on the device of the transform.
struct GridColumns {
  torch::Tensor sin_lat, cos2, sigma, thickness;
  SigmaCoordinate levels;
  Planet planet;

  GridColumns(const sphere::SphericalHarmonicTransform& transform, const SigmaCoordinate& coordinate,
              const Planet& constants);
};

}  // namespace pear::forecast
