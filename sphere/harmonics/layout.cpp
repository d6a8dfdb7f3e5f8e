// Between the hemispheres of the transform and rows from north to south; sizes of grids.
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>

#include "sphere/harmonics/transform.h"

namespace pear::sphere {

torch::Tensor SphericalHarmonicTransform::to_latlon(const torch::Tensor& grid) const {
  check_grid(grid, "to_latlon");
  const auto north = grid.select(-3, 0), south = grid.select(-3, 1).flip(-2);
  if (options_.num_rows % 2 == 0) return at::cat({north, south}, -2);
  const int64_t last = num_hemisphere_rows() - 1;
  const auto equator = (north.narrow(-2, last, 1) + south.narrow(-2, 0, 1)) * 0.5;
  return at::cat({north.narrow(-2, 0, last), equator, south.narrow(-2, 1, last)}, -2);
}

torch::Tensor SphericalHarmonicTransform::from_latlon(const torch::Tensor& rows) const {
  check_rows(rows, "from_latlon");
  const int64_t half = num_hemisphere_rows();
  return at::stack({rows.narrow(-2, 0, half), rows.narrow(-2, options_.num_rows - half, half).flip(-2)}, -3);
}

std::pair<int64_t, int64_t> quadratic_gaussian_grid(int64_t truncation) {
  const auto is_smooth = [](int64_t n) {
    for (int64_t factor : {2, 3, 5})
      while (n % factor == 0) n /= factor;
    return n == 1;
  };
  int64_t rows = (3 * truncation + 2) / 2;  // >= (3 N + 1) / 2
  rows += rows % 2;
  int64_t columns = 2 * rows;
  while (!is_smooth(columns)) columns += 2;
  return {rows, columns};
}

}  // namespace pear::sphere
