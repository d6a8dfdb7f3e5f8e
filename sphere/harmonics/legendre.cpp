#include "sphere/harmonics/legendre.h"

#include <cmath>

#include "base/constants.h"
#include "base/error.h"
#include "sphere/grid/latlon.h"
#include "sphere/grid/rows.h"

namespace pear::sphere {
namespace {

constexpr int kRescaleBits = 400;  // far from both ends of float64, which long double may be no wider than

long double epsilon(int64_t order, int64_t degree) {
  const auto m = static_cast<long double>(order), l = static_cast<long double>(degree);
  return degree <= order ? 0.0L : std::sqrt((l - m) * (l + m) / (4 * l * l - 1));
}

struct LegendreValue {
  long double value, slope;
};

LegendreValue legendre_polynomial(int64_t n, long double mu) {
  long double p0 = 1, p1 = mu;
  for (int64_t k = 2; k <= n; ++k) {
    const auto l = static_cast<long double>(k);
    const long double p2 = ((2 * l - 1) * mu * p1 - (l - 1) * p0) / l;
    p0 = p1;
    p1 = p2;
  }
  return {p1, static_cast<long double>(n) * (mu * p1 - p0) / (mu * mu - 1)};
}

/// Newton from nodes that are right to float64 in degrees.
TransformRow gaussian_row(int64_t num_rows, double lat_deg) {
  long double mu = std::sin(static_cast<long double>(lat_deg) * static_cast<long double>(kRadPerDeg));
  for (int iteration = 0; iteration < 2 && lat_deg != 0.0; ++iteration) {
    const auto [value, slope] = legendre_polynomial(num_rows, mu);
    mu -= value / slope;
  }
  const long double slope = legendre_polynomial(num_rows, mu).slope, cos2 = (1 - mu) * (1 + mu);
  return {mu, std::sqrt(cos2), static_cast<double>(1 / (cos2 * slope * slope))};
}

/// Uniform rows from the exact colatitude: degrees of row_latitudes_deg are rounded.
TransformRow uniform_row(RowKind kind, int64_t num_rows, int64_t row, double weight) {
  const auto n = static_cast<long double>(num_rows), j = static_cast<long double>(row);
  const long double fraction = kind == RowKind::Poles ? j / (n - 1) : kind == RowKind::Half ? (j + 0.5L) / n : j / n;
  const long double pi = std::acos(-1.0L);
  if (row == 0 && kind != RowKind::Half) return {1, 0, weight / 2};
  if (fraction == 0.5L) return {0, 1, weight / 2};
  if (fraction == 1.0L) return {-1, 0, weight / 2};
  return {std::sin(pi * (0.5L - fraction)), std::sin(pi * std::min(fraction, 1 - fraction)), weight / 2};
}

}  // namespace

std::vector<TransformRow> transform_rows(RowKind kind, int64_t num_rows) {
  const std::vector<double> weights = quadrature_weights(kind, num_rows);  // refuses rows without an exact rule
  std::vector<TransformRow> rows(static_cast<size_t>(num_rows));
  const std::vector<double> gaussian = kind == RowKind::Gaussian ? gaussian_latitudes_deg(num_rows) : weights;
  for (size_t j = 0; j < rows.size(); ++j)
    rows[j] = kind == RowKind::Gaussian ? gaussian_row(num_rows, gaussian[j])
                                        : uniform_row(kind, num_rows, static_cast<int64_t>(j), weights[j]);
  if (num_rows % 2 == 1) rows[rows.size() / 2].weight /= 2;
  std::vector<TransformRow> pairs;
  const size_t half = (rows.size() + 1) / 2;
  for (size_t h = 0; h < half; ++h) pairs.push_back(rows[h]);
  for (size_t h = 0; h < half; ++h) pairs.push_back(rows[rows.size() - 1 - h]);
  return pairs;
}

void LegendreRow::next_order(std::span<double> values) {
  long double below = 0, here = sectoral_, epsilon_here = 0;
  int exponent = exponent_;
  for (size_t j = 0; j < values.size(); ++j) {
    values[j] = static_cast<double>(std::ldexp(here, exponent));
    const long double epsilon_next = epsilon(order_, order_ + static_cast<int64_t>(j) + 1);
    const long double next = (mu_ * here - epsilon_here * below) / epsilon_next;
    below = here;
    here = next;
    epsilon_here = epsilon_next;
    if (std::abs(here) > std::ldexp(1.0L, kRescaleBits)) {
      here = std::ldexp(here, -kRescaleBits);
      below = std::ldexp(below, -kRescaleBits);
      exponent += kRescaleBits;
    }
  }
  ++order_;
  const auto m = static_cast<long double>(order_);
  int shift = 0;
  sectoral_ = std::frexp(sectoral_ * cos_lat_ * std::sqrt((2 * m + 1) / (2 * m)), &shift);
  exponent_ += shift;
}

double legendre_epsilon(int64_t order, int64_t degree) { return static_cast<double>(epsilon(order, degree)); }

}  // namespace pear::sphere
