#include "forecast/dynamics/sigma_coordinate.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_eig.h>
#include <ATen/ops/linalg_inv.h>
#include <ATen/ops/real.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace pear::forecast {
namespace {

torch::Tensor row(const std::vector<double>& values) {
  return at::from_blob(const_cast<double*>(values.data()), {1, static_cast<int64_t>(values.size())}, torch::kFloat64)
      .clone();
}

}  // namespace

SigmaCoordinate::SigmaCoordinate(std::vector<double> half_levels) : half(std::move(half_levels)) {
  bool good = half.size() >= 3 && half.front() == 0 && half.back() == 1;
  for (size_t k = 1; good && k < half.size(); ++k) good = half[k] > half[k - 1];
  if (!good)
    throw ConfigError("BadLevels", "dynamics.sigma",
                      {.what = fmt::format("{} half levels", half.size()), .expected = "rising from 0 to 1, at least 3"});
  for (size_t k = 0; k + 1 < half.size(); ++k) {
    full.push_back((half[k] + half[k + 1]) / 2);
    thickness.push_back(half[k + 1] - half[k]);
    log_ratio.push_back(k == 0 ? 0.0 : std::log(half[k + 1] / half[k]));
    alpha.push_back(k == 0 ? std::numbers::ln2 : 1 - half[k] / thickness[k] * log_ratio[k]);
  }
}

SigmaCoordinate SigmaCoordinate::with_layers(int64_t num_layers) {
  switch (num_layers) {
    case 8:
      return SigmaCoordinate({0, .05, .14, .26, .42, .60, .77, .90, 1});
    case 10:
      return SigmaCoordinate({0, .04, .09, .15, .22, .31, .43, .58, .74, .88, 1});
    case 13:  // full levels near the 13 usual pressure levels
      return SigmaCoordinate({0, .035, .075, .125, .175, .225, .275, .35, .45, .55, .66, .78, .90, 1});
    default:
      return uniform(num_layers);
  }
}

SigmaCoordinate SigmaCoordinate::uniform(int64_t num_layers) {
  std::vector<double> half;
  for (int64_t k = 0; k <= num_layers; ++k) half.push_back(static_cast<double>(k) / static_cast<double>(num_layers));
  return SigmaCoordinate(std::move(half));
}

torch::Tensor SigmaCoordinate::hydrostatic_matrix(const Planet& planet) const {
  const int64_t n = num_layers();
  auto matrix = at::zeros({n, n}, torch::kFloat64);
  auto m = matrix.accessor<double, 2>();
  for (int64_t k = 0; k < n; ++k)
    for (int64_t j = k; j < n; ++j)
      m[k][j] = planet.gas_constant * (j == k ? alpha[static_cast<size_t>(j)] : log_ratio[static_cast<size_t>(j)]);
  return matrix;
}

torch::Tensor SigmaCoordinate::temperature_matrix(const Planet& planet) const {
  const int64_t n = num_layers();
  const double scale = planet.kappa() * planet.reference_temperature;
  auto matrix = at::zeros({n, n}, torch::kFloat64);
  auto m = matrix.accessor<double, 2>();
  for (size_t k = 0; k < full.size(); ++k)
    for (size_t j = 0; j <= k; ++j)
      m[static_cast<int64_t>(k)][static_cast<int64_t>(j)] =
          scale * (j == k ? alpha[k] : log_ratio[k] * thickness[j] / thickness[k]);
  return matrix;
}

VerticalModes vertical_modes(const SigmaCoordinate& sigma, const Planet& planet) {
  const auto ones = at::ones({sigma.num_layers(), 1}, torch::kFloat64);
  const auto matrix = sigma.hydrostatic_matrix(planet).mm(sigma.temperature_matrix(planet)) +
                      planet.gas_constant * planet.reference_temperature * ones.mm(row(sigma.thickness));
  const auto [values, vectors] = at::linalg_eig(matrix);
  const auto real = at::real(values).contiguous();
  const double largest_imaginary = at::imag(values).abs().max().item<double>();
  if (largest_imaginary > 1e-9 * real.max().item<double>() || real.min().item<double>() <= 0)
    throw DataError("BadLevels", "dynamics.sigma",
                    {.what = "gravity waves of these levels",
                     .expected = "real and positive squared speeds",
                     .found = fmt::format("smallest {:.3g} m2 s-2", real.min().item<double>()),
                     .hint = "take fewer or more even layers"});
  const auto order = real.argsort(0, /*descending=*/true);
  const auto sorted = at::real(vectors).index_select(1, order).contiguous();
  return {sorted, at::linalg_inv(sorted), real.index_select(0, order)};
}

}  // namespace pear::forecast
