#include "forecast/dynamics/grid_columns.h"

namespace pear::forecast {

GridColumns::GridColumns(const sphere::SphericalHarmonicTransform& transform, const SigmaCoordinate& coordinate,
                         const Planet& constants)
    : levels(coordinate), planet(constants) {
  const auto& o = transform.options();
  const auto options = torch::TensorOptions().dtype(o.dtype).device(o.device);
  sin_lat = transform.row_mu().to(options);
  cos2 = (1 - transform.row_mu().square()).narrow(0, 0, 1).to(options);
  sigma = torch::tensor(coordinate.full, torch::kFloat64).to(options).view({-1, 1, 1, 1});
  thickness = torch::tensor(coordinate.thickness, torch::kFloat64).to(options).view({-1, 1, 1, 1});
}

}  // namespace pear::forecast
