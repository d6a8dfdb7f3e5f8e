#include "sphere/harmonics/transform.h"

#include <ATen/ops/empty.h>

#include <vector>

#include "sphere/harmonics/checks.h"
#include "sphere/harmonics/legendre.h"

namespace pear::sphere {

SphericalHarmonicTransform::SphericalHarmonicTransform(const HarmonicsOptions& options) : options_(options) {
  check_options(options);
  const auto rows = transform_rows(options.rows, options.num_rows);
  row_weights_ = at::empty({2, num_hemisphere_rows(), 1}, torch::kFloat64);
  row_mu_ = at::empty_like(row_weights_);
  for (size_t r = 0; r < rows.size(); ++r) {
    row_weights_.data_ptr<double>()[r] = rows[r].weight;
    row_mu_.data_ptr<double>()[r] = static_cast<double>(rows[r].mu);
  }
  mu_ = row_mu_[0].flatten().clone();
  legendre_ = LegendreSums(options.truncation, rows, options.dtype, options.device);
  fourier_ = FourierSums(options);
  tables_ = make_degree_tables(options.truncation, options.dtype, options.device);
}

torch::Tensor SphericalHarmonicTransform::synthesize(const torch::Tensor& spectral) const {
  check_spectral(spectral, "synthesize");
  std::vector<int64_t> shape(spectral.sizes().begin() + 2, spectral.sizes().end() - 1);
  const int64_t fields = c10::multiply_integers(shape), rows = 2 * num_hemisphere_rows();
  const auto orders = legendre_.rows_from_degrees(spectral.reshape({num_orders(), 2 * fields, num_degrees()}));
  shape.insert(shape.end(), {2, num_hemisphere_rows(), options_.num_columns});
  return fourier_.columns_from_orders(orders.view({num_orders(), 2, fields * rows})).view(shape);
}

torch::Tensor SphericalHarmonicTransform::analyze(const torch::Tensor& grid) const {
  check_grid(grid, "analyze");
  check_dtype(grid, options_.dtype, "analyze");
  std::vector<int64_t> shape{num_orders(), 2};
  shape.insert(shape.end(), grid.sizes().begin(), grid.sizes().end() - 3);
  const int64_t rows = 2 * num_hemisphere_rows(), fields = grid.numel() / (rows * options_.num_columns);
  const auto orders = fourier_.orders_from_columns(grid.reshape({fields * rows, options_.num_columns}));
  shape.push_back(num_degrees());
  return legendre_.degrees_from_rows(orders.view({num_orders(), 2 * fields, rows})).view(shape);
}

}  // namespace pear::sphere
