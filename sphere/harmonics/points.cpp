#include "sphere/harmonics/points.h"

#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "base/constants.h"
#include "base/error.h"
#include "sphere/harmonics/checks.h"
#include "sphere/harmonics/legendre.h"

namespace pear::sphere {
namespace {

constexpr int64_t kMaxEntries = int64_t{1} << 27;
constexpr double kWorstPivot = 1e-3;  ///< of the normalised normal matrix; near 1 where the cells resolve the degrees

std::vector<int64_t> coefficient_positions(int64_t truncation) {
  const int64_t degrees = truncation + 2;
  std::vector<int64_t> positions;
  for (int64_t m = 0; m <= truncation; ++m)
    for (int64_t part = 0; part < (m == 0 ? 1 : 2); ++part)
      for (int64_t j = 0; j < degrees - m; ++j) positions.push_back((m * 2 + part) * degrees + j);
  return positions;
}

/// Values of every coefficient's function at one point: column `p` of [C, P].
void fill_point(double lat, double lon, int64_t truncation, double* column, int64_t stride) {
  LegendreRow row(std::sin(static_cast<long double>(lat)), std::cos(static_cast<long double>(lat)));
  std::vector<double> values(static_cast<size_t>(truncation + 2));
  for (int64_t m = 0; m <= truncation; ++m) {
    const auto count = static_cast<size_t>(truncation + 2 - m);
    row.next_order({values.data(), count});
    const double angle = static_cast<double>(m) * lon;
    for (int64_t part = 0; part < (m == 0 ? 1 : 2); ++part) {
      const double factor = m == 0 ? 1 : part == 0 ? 2 * std::cos(angle) : -2 * std::sin(angle);
      for (size_t j = 0; j < count; ++j, column += stride) *column = factor * values[j];
    }
  }
}

}  // namespace

PointHarmonics::PointHarmonics(const Grid& grid, int64_t truncation, torch::Dtype dtype) : truncation_(truncation) {
  const auto positions = coefficient_positions(truncation);
  const auto coefficients = static_cast<int64_t>(positions.size());
  const int64_t cells = grid.num_cells();
  const auto refuse = [&](const std::string& expected) {
    throw ConfigError("BadTruncation", "sphere.harmonics",
                      {.what = fmt::format("truncation {} on {}", truncation, grid.spec()),
                       .expected = expected,
                       .found = fmt::format("{} coefficients, {} cells", coefficients, cells),
                       .hint = "take a lower truncation"});
  };
  if (coefficients > cells) refuse("fewer coefficients than cells");
  if (coefficients * cells > kMaxEntries) refuse(fmt::format("at most {} products of the two", kMaxEntries));
  const auto values = at::empty({coefficients, cells}, torch::kFloat64);
  const auto cos_lat = at::empty({cells}, torch::kFloat64), areas = at::empty({1, cells}, torch::kFloat64);
  const auto centres = grid.centres();
  const auto area = grid.areas_sr();
  for (int64_t p = 0; p < cells; ++p) {
    const auto i = static_cast<size_t>(p);
    const double lat = centres.lat_deg[i] * kRadPerDeg;
    fill_point(lat, centres.lon_deg[i] * kRadPerDeg, truncation, values.data_ptr<double>() + p, cells);
    cos_lat.data_ptr<double>()[p] = std::cos(lat);
    areas.data_ptr<double>()[p] = area[i] / (4 * kPi);
  }
  const auto weighted = values * areas;                              // [C, P]
  const auto normal = at::mm(weighted, values.t());                  // near diag(1, 2, 2, ...)
  const auto scale = normal.diagonal().rsqrt();
  const auto [factor, info] = at::linalg_cholesky_ex(normal * scale.unsqueeze(0) * scale.unsqueeze(1));
  if (info.item<int>() != 0 || factor.diagonal().min().item<double>() < kWorstPivot)
    refuse("cells that tell the coefficients apart");
  const auto solved = scale.unsqueeze(1) * at::cholesky_solve(weighted * scale.unsqueeze(1), factor);  // [C, P]
  positions_ = torch::tensor(positions, torch::kInt64);
  values_ = values.to(dtype);
  fit_ = solved.t().contiguous().to(dtype);
  cos_lat_ = cos_lat.to(dtype);
}

torch::Tensor PointHarmonics::synthesize(const torch::Tensor& spectral) const {
  check_spectral_shape(spectral, truncation_, "PointHarmonics::synthesize");
  check_dtype(spectral, values_.scalar_type(), "PointHarmonics::synthesize");
  std::vector<int64_t> shape(spectral.sizes().begin() + 2, spectral.sizes().end() - 1);
  const int64_t fields = c10::multiply_integers(shape);
  const auto flat = spectral.reshape({truncation_ + 1, 2, fields, truncation_ + 2}).permute({2, 0, 1, 3});
  shape.push_back(values_.size(1));
  return at::mm(flat.reshape({fields, -1}).index_select(1, positions_), values_).view(shape);
}

torch::Tensor PointHarmonics::fit(const torch::Tensor& cells) const {
  check_last_dims(cells, {values_.size(1)}, "PointHarmonics::fit");
  check_dtype(cells, values_.scalar_type(), "PointHarmonics::fit");
  const int64_t fields = cells.numel() / values_.size(1), orders = truncation_ + 1, degrees = truncation_ + 2;
  auto flat = at::zeros({fields, orders * 2 * degrees}, cells.options());
  flat.index_copy_(1, positions_, at::mm(cells.reshape({fields, -1}), fit_));
  std::vector<int64_t> shape{orders, 2};
  shape.insert(shape.end(), cells.sizes().begin(), cells.sizes().end() - 1);
  shape.push_back(degrees);
  return flat.view({fields, orders, 2, degrees}).permute({1, 2, 0, 3}).contiguous().view(shape);
}

}  // namespace pear::sphere
