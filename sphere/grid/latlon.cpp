#include "sphere/grid/latlon.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/constants.h"
#include "base/error.h"
#include "sphere/grid/rows.h"

namespace pear::sphere {
namespace {

constexpr double kToleranceDeg = 1e-6;

[[noreturn]] void bad(const char* what, double value, double low, double high) {
  throw DataError(
      "BadAngle", "sphere.grid",
      {.what = what, .expected = fmt::format("{} to {} degrees", low, high), .found = fmt::format("{}", value)});
}

double clenshaw_curtis(int64_t n, int64_t j) {
  const double theta = kPi * static_cast<double>(j) / static_cast<double>(n - 1);
  double sum = 1.0;
  for (int64_t k = 1; k <= (n - 1) / 2; ++k) {
    const double kd = static_cast<double>(k), b = 2 * k == n - 1 ? 1.0 : 2.0;
    sum -= b * std::cos(2.0 * kd * theta) / (4.0 * kd * kd - 1.0);
  }
  return (j == 0 || j == n - 1 ? 1.0 : 2.0) / static_cast<double>(n - 1) * sum;
}

double fejer(int64_t n, int64_t j) {
  const double nd = static_cast<double>(n), theta = kPi * (static_cast<double>(j) + 0.5) / nd;
  double sum = 1.0;
  for (int64_t k = 1; k <= n / 2; ++k) {
    const double kd = static_cast<double>(k);
    sum -= 2.0 * std::cos(2.0 * kd * theta) / (4.0 * kd * kd - 1.0);
  }
  return 2.0 / nd * sum;
}

double driscoll_healy(int64_t n, int64_t j) {
  const double nd = static_cast<double>(n), theta = kPi * static_cast<double>(j) / nd;
  double sum = 0.0;
  for (int64_t k = 0; k < n / 2; ++k) {
    const double odd = 2.0 * static_cast<double>(k) + 1.0;
    sum += std::sin(odd * theta) / odd;
  }
  return 4.0 / nd * std::sin(theta) * sum;
}

}  // namespace

AxisPair rows_around(const LatLonGrid& grid, double lat_deg) {
  const auto& rows = grid.lat_deg;
  const bool regional = grid.rows == RowKind::Regional;
  const double low = regional ? rows.back() : -90.0, high = regional ? rows.front() : 90.0;
  if (!(lat_deg >= low - kToleranceDeg && lat_deg <= high + kToleranceDeg)) bad("latitude", lat_deg, low, high);
  const double lat = std::clamp(lat_deg, low, high);
  // First row strictly south of the point; the one before it is at or north of it.
  const auto it = std::partition_point(rows.begin(), rows.end(), [&](double row) { return row >= lat; });
  const int64_t n = static_cast<int64_t>(rows.size()), south = it - rows.begin();
  if (south == n && (regional || rows.back() <= lat + kToleranceDeg)) {  // on the last row
    if (n == 1) return {0, 0, 0.0};
    return {n - 2, n - 1, 1.0};
  }
  const double north_lat = south == 0 ? 90.0 : rows[static_cast<size_t>(south - 1)];
  const double south_lat = south == n ? -90.0 : rows[static_cast<size_t>(south)];
  return {south - 1, south, (north_lat - lat) / (north_lat - south_lat)};
}

AxisPair columns_around(const LatLonGrid& grid, double lon_deg) {
  const auto& columns = grid.lon_deg;
  const auto m = static_cast<int64_t>(columns.size());
  if (!std::isfinite(lon_deg)) bad("longitude", lon_deg, -360.0, 360.0);
  double east = std::fmod(lon_deg - columns.front(), 360.0);  // of the first column
  if (east < 0) east += 360.0;
  if (grid.rows != RowKind::Regional) {
    const double x = east * static_cast<double>(m) / 360.0;
    const auto first = static_cast<int64_t>(x);
    return {first % m, (first + 1) % m, std::clamp(x - static_cast<double>(first), 0.0, 1.0)};
  }
  const double width = columns.back() - columns.front();
  if (east > 360.0 - kToleranceDeg) east = 0.0;
  if (east > width + kToleranceDeg) bad("longitude", lon_deg, columns.front(), columns.back());
  if (m == 1) return {0, 0, 0.0};
  const double x = std::min(east / width, 1.0) * static_cast<double>(m - 1);
  const int64_t first = std::min(static_cast<int64_t>(x), m - 2);
  return {first, first + 1, x - static_cast<double>(first)};
}

std::vector<double> quadrature_weights(RowKind kind, int64_t num_rows) {
  if (kind == RowKind::Gaussian) return gaussian_weights(num_rows);
  const bool odd_north = kind == RowKind::North && num_rows % 2 != 0;
  if (kind == RowKind::Inner || kind == RowKind::Regional || odd_north || num_rows < 2)
    throw ConfigError("UnknownGrid", "sphere.grid",
                      {.what = fmt::format("exact quadrature on {} rows", num_rows),
                       .expected = "rows of kind poles, half, north (even number) or Gaussian",
                       .found = odd_north ? "north with an odd number of rows" : "rows without such a rule",
                       .hint = "use cell areas instead"});
  std::vector<double> w(static_cast<size_t>(num_rows));
  for (int64_t j = 0; j < num_rows; ++j)
    w[static_cast<size_t>(j)] = kind == RowKind::Poles  ? clenshaw_curtis(num_rows, j)
                                : kind == RowKind::Half ? fejer(num_rows, j)
                                                        : driscoll_healy(num_rows, j);
  return w;
}

}  // namespace pear::sphere
