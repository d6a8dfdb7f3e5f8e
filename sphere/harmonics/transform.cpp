#include "sphere/harmonics/transform.h"

#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/complex.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/fft_irfft.h>
#include <ATen/ops/fft_rfft.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/view_as_real.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "sphere/harmonics/checks.h"
#include "sphere/harmonics/legendre.h"

namespace pear::sphere {
namespace {

constexpr int64_t kColumnsForFft = 128;  // measured: from here on the FFT costs less than the matrix on a CPU
constexpr int64_t kOrderBlocks = 4;

}  // namespace

SphericalHarmonicTransform::SphericalHarmonicTransform(const HarmonicsOptions& options) : options_(options) {
  check_options(options);
  use_fft_ = options.fourier == FourierKind::Fft ||
             (options.fourier == FourierKind::Automatic && options.num_columns >= kColumnsForFft);
  build_legendre();
  if (!use_fft_) build_fourier();
  tables_ = make_degree_tables(options.truncation, options.dtype, options.device);
}

void SphericalHarmonicTransform::build_legendre() {
  const auto rows = transform_rows(options_.rows, options_.num_rows);
  const auto num_rows = static_cast<int64_t>(rows.size());
  row_weights_ = at::empty({2, num_rows / 2, 1}, torch::kFloat64);
  row_mu_ = at::empty({2, num_rows / 2, 1}, torch::kFloat64);
  std::vector<LegendreRow> functions;
  for (int64_t r = 0; r < num_rows; ++r) {
    const TransformRow& row = rows[static_cast<size_t>(r)];
    row_weights_.data_ptr<double>()[r] = row.weight;
    row_mu_.data_ptr<double>()[r] = static_cast<double>(row.mu);
    functions.emplace_back(row.mu, row.cos_lat);
  }
  mu_ = row_mu_[0].flatten().clone();
  const int64_t size = (num_orders() + kOrderBlocks - 1) / kOrderBlocks;
  for (int64_t first = 0; first < num_orders(); first += size) {
    OrderBlock block{first, std::min(size, num_orders() - first), num_degrees() - first, {}, {}};
    const auto values = at::zeros({block.count, num_rows, block.degrees}, torch::kFloat64);
    for (int64_t m = 0; m < block.count; ++m)
      for (int64_t r = 0; r < num_rows; ++r)
        functions[static_cast<size_t>(r)].next_order(
            {values.data_ptr<double>() + (m * num_rows + r) * block.degrees, static_cast<size_t>(block.degrees - m)});
    block.to_rows = values.transpose(1, 2).to(options_.device, options_.dtype).contiguous();
    block.to_degrees = (values * row_weights_.view({1, -1, 1})).to(options_.device, options_.dtype);
    blocks_.push_back(std::move(block));
  }
}

void SphericalHarmonicTransform::build_fourier() {
  const int64_t orders = num_orders(), columns = options_.num_columns;
  const auto synthesis = at::empty({orders, 2, columns}, torch::kFloat64), analysis = at::empty_like(synthesis);
  auto s = synthesis.accessor<double, 3>(), a = analysis.accessor<double, 3>();
  const long double step = 2 * std::acos(-1.0L) / static_cast<long double>(columns);
  for (int64_t m = 0; m < orders; ++m)
    for (int64_t k = 0; k < columns; ++k) {
      const long double angle = step * static_cast<long double>(m * k % columns);
      const long double c = std::cos(angle), d = m == 0 ? 0.0L : -std::sin(angle);
      const long double factor = m == 0 ? 1 : 2;
      s[m][0][k] = static_cast<double>(factor * c);
      s[m][1][k] = static_cast<double>(factor * d);
      a[m][0][k] = static_cast<double>(c / static_cast<long double>(columns));
      a[m][1][k] = static_cast<double>(d / static_cast<long double>(columns));
    }
  to_columns_ = synthesis.flatten(0, 1).to(options_.device, options_.dtype);
  to_orders_ = analysis.flatten(0, 1).to(options_.device, options_.dtype);
}

/// [N+1, 2 n, J] -> [N+1, 2 n, 2 H]
torch::Tensor SphericalHarmonicTransform::rows_from_degrees(const torch::Tensor& spectral) const {
  std::vector<torch::Tensor> parts;
  for (const OrderBlock& b : blocks_)
    parts.push_back(at::bmm(spectral.narrow(0, b.first, b.count).narrow(2, 0, b.degrees), b.to_rows));
  return at::cat(parts, 0);
}

/// [N+1, 2 n, 2 H] -> [N+1, 2 n, J]
torch::Tensor SphericalHarmonicTransform::degrees_from_rows(const torch::Tensor& rows) const {
  std::vector<torch::Tensor> parts;
  for (const OrderBlock& b : blocks_) {
    const auto part = at::bmm(rows.narrow(0, b.first, b.count), b.to_degrees);
    parts.push_back(b.first == 0 ? part : at::constant_pad_nd(part, {0, num_degrees() - b.degrees}));
  }
  return at::cat(parts, 0);
}

/// [N+1, 2 n, 2 H] -> [n 2 H, columns]
torch::Tensor SphericalHarmonicTransform::columns_from_orders(const torch::Tensor& orders, int64_t num_fields) const {
  const int64_t rows = num_fields * orders.size(2);
  if (!use_fft_) return at::mm(orders.reshape({2 * num_orders(), rows}).t(), to_columns_);
  const auto parts = orders.view({num_orders(), 2, rows}).permute({2, 0, 1}).contiguous();
  return at::fft_irfft(at::view_as_complex(parts), options_.num_columns, 1, "forward");
}

/// [n 2 H, columns] -> [N+1, 2 n, 2 H]
torch::Tensor SphericalHarmonicTransform::orders_from_columns(const torch::Tensor& columns, int64_t num_fields) const {
  const std::vector<int64_t> shape{num_orders(), 2 * num_fields, 2 * num_hemisphere_rows()};
  if (!use_fft_) return at::mm(to_orders_, columns.t()).view(shape);
  const auto orders = at::view_as_real(at::fft_rfft(columns, {}, 1, "forward").narrow(1, 0, num_orders()));
  return orders.permute({1, 2, 0}).reshape(shape);
}

torch::Tensor SphericalHarmonicTransform::synthesize(const torch::Tensor& spectral) const {
  check_spectral(spectral, "synthesize");
  std::vector<int64_t> shape(spectral.sizes().begin() + 2, spectral.sizes().end() - 1);
  const int64_t fields = c10::multiply_integers(shape);
  const auto orders = rows_from_degrees(spectral.reshape({num_orders(), 2 * fields, num_degrees()}));
  shape.insert(shape.end(), {2, num_hemisphere_rows(), options_.num_columns});
  return columns_from_orders(orders, fields).view(shape);
}

torch::Tensor SphericalHarmonicTransform::analyze(const torch::Tensor& grid) const {
  check_grid(grid, "analyze");
  check_dtype(grid, options_.dtype, "analyze");
  std::vector<int64_t> shape{num_orders(), 2};
  shape.insert(shape.end(), grid.sizes().begin(), grid.sizes().end() - 3);
  const int64_t fields = c10::multiply_integers(grid.sizes().slice(0, static_cast<size_t>(grid.dim() - 3)));
  const auto columns = grid.reshape({fields * 2 * num_hemisphere_rows(), options_.num_columns});
  shape.push_back(num_degrees());
  return degrees_from_rows(orders_from_columns(columns, fields)).view(shape);
}

}  // namespace pear::sphere
