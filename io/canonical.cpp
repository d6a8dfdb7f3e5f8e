#include "io/canonical.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace pear::io {

namespace {

constexpr double kTolerance = 1e-5;  // degrees; float32 longitudes near 360 are good to 1.5e-5 at worst

/// Longitudes made continuous: each value is the neighbour of the one before.
std::vector<double> unwrapped(std::span<const double> lon) {
  std::vector<double> out(lon.begin(), lon.end());
  if (out.size() < 2) return out;
  double sum = 0;  // a field without a jump stays as it is
  for (size_t i = 1; i < out.size(); ++i) {
    double step = lon[i] - lon[i - 1];
    if (step > 180) step -= 360;
    if (step < -180) step += 360;
    sum += step;
    out[i] = out[0] + sum;
  }
  return out;
}

bool is_globe(std::span<const double> ascending) {
  const auto n = static_cast<double>(ascending.size());
  if (ascending.size() < 2) return false;
  const double step = (ascending.back() - ascending.front()) / (n - 1);
  return std::abs(step * n - 360.0) < 0.01 * step;
}

}  // namespace

LatLonOrder canonical_latlon(std::span<const double> lat_deg, std::span<const double> lon_deg,
                             const std::string& where) {
  LatLonOrder order;
  order.stored_cols = static_cast<int64_t>(lon_deg.size());
  for (double x : lat_deg)
    if (!std::isfinite(x))
      throw DataError("RowsNotMonotonic", "io.grid",
                      {.what = where + ": a latitude", .expected = "a number", .found = "none"});
  for (double x : lon_deg)
    if (!std::isfinite(x))
      throw DataError("LongitudesIrregular", "io.grid",
                      {.what = where + ": a longitude", .expected = "a number", .found = "none"});
  std::vector<double> lat(lat_deg.begin(), lat_deg.end());
  order.rows.resize(lat.size());
  std::iota(order.rows.begin(), order.rows.end(), 0);
  if (lat.size() > 1 && lat.front() < lat.back()) {
    std::reverse(lat.begin(), lat.end());
    std::reverse(order.rows.begin(), order.rows.end());
  }

  std::vector<double> lon = unwrapped(lon_deg);
  order.cols.resize(lon.size());
  std::iota(order.cols.begin(), order.cols.end(), 0);
  if (lon.size() > 2 && std::abs(std::abs(lon.back() - lon.front()) - 360.0) < 1e-3) {
    order.has_duplicate = true;
    lon.pop_back();
    order.cols.pop_back();
  }
  if (lon.size() > 1 && lon.front() > lon.back()) {
    std::reverse(lon.begin(), lon.end());
    std::reverse(order.cols.begin(), order.cols.end());
  }
  if (is_globe(lon)) {
    for (double& x : lon) {
      x -= 360.0 * std::floor(x / 360.0);
      if (360.0 - x < kTolerance) x = 0.0;
    }
    const auto first = std::min_element(lon.begin(), lon.end()) - lon.begin();
    std::rotate(lon.begin(), lon.begin() + first, lon.end());
    std::rotate(order.cols.begin(), order.cols.begin() + first, order.cols.end());
  } else if (!lon.empty()) {
    double shift = 0;
    while (lon.back() + shift > 360.0 + kTolerance) shift -= 360.0;
    while (lon.front() + shift < -180.0 - kTolerance) shift += 360.0;
    for (double& x : lon) x += shift;
  }
  try {
    order.grid = sphere::Grid::from_coordinates(lat, lon);
  } catch (const DataError& e) {  // coordinates alone do not know their file
    ErrorDetail detail = e.detail();
    detail.what = where + ": " + detail.what;
    throw DataError(e.code(), e.where(), std::move(detail));
  }
  return order;
}

void reorder(const LatLonOrder& order, std::span<const float> stored, int64_t row_stride, int64_t col_stride,
             std::span<float> out, const std::string& where) {
  PEAR_ASSERT(out.size() == order.rows.size() * order.cols.size());
  if (order.has_duplicate) {
    for (int64_t j : order.rows) {
      const float first = stored[static_cast<size_t>(j * row_stride)];
      const float last = stored[static_cast<size_t>(j * row_stride + (order.stored_cols - 1) * col_stride)];
      if (first != last && !(std::isnan(first) && std::isnan(last)))
        throw DataError("DuplicateMeridianMismatch", "io.grid",
                        {.what = fmt::format("{}: the last column repeats the first meridian, row {}", where, j),
                         .expected = fmt::format("{}", first),
                         .found = fmt::format("{}", last)});
    }
  }
  size_t at = 0;
  for (int64_t j : order.rows)
    for (int64_t i : order.cols) out[at++] = stored[static_cast<size_t>(j * row_stride + i * col_stride)];
}

}  // namespace pear::io
