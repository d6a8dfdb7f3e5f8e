#include "sphere/grid/rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/constants.h"
#include "base/error.h"

namespace pear::sphere {
namespace {

constexpr double kGaussianToleranceDeg = 1e-3;  // files round Gaussian nodes to three decimals
constexpr double kUniformToleranceDeg = 1e-5;   // float32 coordinates of 0.25 deg grids

bool close(std::span<const double> a, std::span<const double> b, double tolerance) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (std::abs(a[i] - b[i]) > tolerance) return false;
  return true;
}

/// P_n and its derivative at z.
struct Legendre {
  double value, slope;
};

Legendre legendre(int64_t n, double z) {
  double p0 = 1.0, p1 = z;
  for (int64_t k = 2; k <= n; ++k) {
    const double kd = static_cast<double>(k);
    const double p2 = ((2 * kd - 1) * z * p1 - (kd - 1) * p0) / kd;
    p0 = p1;
    p1 = p2;
  }
  const double nd = static_cast<double>(n);
  return {p1, nd * (z * p1 - p0) / (z * z - 1.0)};
}

}  // namespace

std::vector<double> gaussian_latitudes_deg(int64_t num_rows) {
  PEAR_ASSERT(num_rows >= 2);
  std::vector<double> lat(static_cast<size_t>(num_rows));
  const double n = static_cast<double>(num_rows);
  for (int64_t i = 0; i < num_rows / 2; ++i) {
    double z = std::cos(kPi * (static_cast<double>(i) + 0.75) / (n + 0.5));
    for (int iteration = 0; iteration < 10; ++iteration) {
      const auto [value, slope] = legendre(num_rows, z);
      const double step = value / slope;
      z -= step;
      if (std::abs(step) < 1e-15) break;
    }
    lat[static_cast<size_t>(i)] = std::asin(z) * kDegPerRad;
    lat[static_cast<size_t>(num_rows - 1 - i)] = -lat[static_cast<size_t>(i)];
  }
  if (num_rows % 2 == 1) lat[static_cast<size_t>(num_rows / 2)] = 0.0;
  return lat;
}

std::vector<double> gaussian_weights(int64_t num_rows) {
  std::vector<double> w = gaussian_latitudes_deg(num_rows);
  for (double& x : w) {
    const double slope = legendre(num_rows, std::sin(x * kRadPerDeg)).slope, c = std::cos(x * kRadPerDeg);
    x = 2.0 / (c * c * slope * slope);
  }
  return w;
}

std::vector<double> uniform_deg(double first, double last, int64_t count) {
  std::vector<double> x(static_cast<size_t>(count), first);
  for (int64_t i = 1; i < count; ++i)
    x[static_cast<size_t>(i)] = first + (last - first) * static_cast<double>(i) / static_cast<double>(count - 1);
  if (count > 1) x.back() = last;  // exactly, so that a grid survives its spec
  return x;
}

std::vector<double> column_longitudes_deg(int64_t count, double first) {
  std::vector<double> lon(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i)
    lon[static_cast<size_t>(i)] = first + 360.0 * static_cast<double>(i) / static_cast<double>(count);
  return lon;
}

std::vector<double> row_latitudes_deg(RowKind kind, int64_t num_rows) {
  std::vector<double> lat(static_cast<size_t>(num_rows));
  const double n = static_cast<double>(num_rows);
  for (int64_t j = 0; j < num_rows; ++j) {
    const double row = static_cast<double>(j);
    double& value = lat[static_cast<size_t>(j)];
    switch (kind) {
      case RowKind::Poles:
        value = 90.0 - 180.0 * row / (n - 1.0);
        break;
      case RowKind::Half:
        value = 90.0 - 180.0 * (row + 0.5) / n;
        break;
      case RowKind::North:
        value = 90.0 - 180.0 * row / n;
        break;
      case RowKind::Inner:  // as half a step more than `Poles` without its two pole rows
        value = 90.0 - 180.0 * (row + 1.0) / (n + 1.0);
        break;
      case RowKind::Gaussian:
        return gaussian_latitudes_deg(num_rows);
      case RowKind::Regional:
        throw ConfigError("UnknownGrid", "sphere.grid",
                          {.what = "a regional grid is defined by its area, not by rows"});
    }
  }
  return lat;
}

RowKind classify_rows(std::span<const double> lat_deg) {
  const int64_t n = static_cast<int64_t>(lat_deg.size());
  if (n < 2) return RowKind::Regional;
  for (RowKind kind : {RowKind::Poles, RowKind::Half, RowKind::North})
    if (close(lat_deg, row_latitudes_deg(kind, n), kUniformToleranceDeg)) return kind;
  if (close(lat_deg, gaussian_latitudes_deg(n), kGaussianToleranceDeg)) return RowKind::Gaussian;
  const double step = (lat_deg.front() - lat_deg.back()) / static_cast<double>(n - 1);
  const double gap = std::max(90.0 - lat_deg.front(), 90.0 + lat_deg.back());  // to the poles
  const bool is_uniform = close(lat_deg, uniform_deg(lat_deg.front(), lat_deg.back(), n), kUniformToleranceDeg);
  return is_uniform && gap <= step + kUniformToleranceDeg ? RowKind::Inner : RowKind::Regional;
}

std::vector<double> row_bounds_theta(RowKind kind, std::span<const double> lat_deg) {
  const size_t n = lat_deg.size();
  std::vector<double> bounds(n + 1);
  for (size_t j = 1; j < n; ++j) bounds[j] = (90.0 - (lat_deg[j - 1] + lat_deg[j]) / 2) * kRadPerDeg;
  if (kind != RowKind::Regional || n < 2) {
    bounds[0] = 0.0;
    bounds[n] = kPi;
    return bounds;
  }
  const double first = 90.0 - lat_deg[0] - (lat_deg[0] - lat_deg[1]) / 2;
  const double last = 90.0 - lat_deg[n - 1] + (lat_deg[n - 2] - lat_deg[n - 1]) / 2;
  bounds[0] = std::max(0.0, first) * kRadPerDeg;
  bounds[n] = std::min(180.0, last) * kRadPerDeg;
  return bounds;
}

}  // namespace pear::sphere
