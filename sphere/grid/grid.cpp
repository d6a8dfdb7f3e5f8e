#include "sphere/grid/grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/constants.h"
#include "base/error.h"
#include "sphere/grid/healpix.h"
#include "sphere/grid/healpix_checks.h"
#include "sphere/grid/reduced_rows.h"
#include "sphere/grid/rows.h"

namespace pear::sphere {
namespace {

constexpr double kLatitudeRoundingDeg = 1e-6;
constexpr double kLongitudeToleranceDeg = 1e-3;  // float32 longitudes of fine grids, rounded text

double wrapped_deg(double lon) {
  const double w = std::fmod(lon, 360.0);
  return w < 0 ? w + 360.0 : w;
}

/// Width of every column [M]: half-way bounds, closed around the globe when the columns are.
std::vector<double> column_widths_deg(const LatLonGrid& g) {
  const size_t m = g.lon_deg.size();
  const double step = m > 1 ? (g.lon_deg.back() - g.lon_deg.front()) / static_cast<double>(m - 1) : 360.0;
  return std::vector<double>(m, g.rows == RowKind::Regional ? step : 360.0 / static_cast<double>(m));
}

/// 2 sin((t1+t2)/2) sin((t2-t1)/2) = cos t1 - cos t2 without cancellation at the poles.
double band(double t1, double t2) { return 2.0 * std::sin((t1 + t2) / 2) * std::sin((t2 - t1) / 2); }

bool is_uniform_globe(std::span<const double> lon) {
  const auto around = column_longitudes_deg(static_cast<int64_t>(lon.size()), lon[0]);
  for (size_t i = 0; i < lon.size(); ++i)
    if (std::abs(lon[i] - around[i]) > kLongitudeToleranceDeg) return false;
  return true;
}

void check_latitudes(std::span<const double> lat) {
  for (size_t j = 0; j < lat.size(); ++j) {
    if (!(std::abs(lat[j]) <= 90.0 + kLatitudeRoundingDeg))
      throw DataError("RowsNotMonotonic", "sphere.grid",
                      {.what = fmt::format("latitude row {}", j),
                       .expected = "-90 to 90 degrees",
                       .found = fmt::format("{}", lat[j])});
    if (j > 0 && !(lat[j] < lat[j - 1]))
      throw DataError("RowsNotMonotonic", "sphere.grid",
                      {.what = fmt::format("latitude row {}", j),
                       .expected = "rows from north to south",
                       .found = fmt::format("{} after {}", lat[j], lat[j - 1]),
                       .hint = "turn south-north data round while reading"});
  }
}

[[noreturn]] void bad_longitude(size_t column, std::string expected, std::string found, const char* hint) {
  throw DataError("LongitudesIrregular", "sphere.grid",
                  {.what = fmt::format("longitude column {}", column),
                   .expected = std::move(expected),
                   .found = std::move(found),
                   .hint = hint});
}

void check_longitudes(std::span<const double> lon) {
  const double step = lon.size() > 1 ? (lon.back() - lon.front()) / static_cast<double>(lon.size() - 1) : 360.0;
  for (size_t i = 0; i < lon.size(); ++i) {
    if (!std::isfinite(lon[i])) bad_longitude(i, "a finite number", fmt::format("{}", lon[i]), "");
    if (i > 0 && (!(lon[i] > lon[i - 1]) || std::abs(lon[i] - lon[i - 1] - step) > std::max(2e-3, 1e-3 * step)))
      bad_longitude(i, fmt::format("equal steps of {:.6g} degrees eastwards", step),
                    fmt::format("{} after {}", lon[i], lon[i - 1]), "");
  }
  if (lon.back() - lon.front() > 360.0 - step / 2)
    bad_longitude(lon.size() - 1, "less than one turn from the first column",
                  fmt::format("{} after {}", lon.back(), lon.front()), "drop the repeated meridian while reading");
}

void check_coordinates(std::span<const double> lat, std::span<const double> lon) {
  if (lat.empty() || lon.empty())
    throw DataError("RowsNotMonotonic", "sphere.grid",
                    {.what = "grid", .expected = "at least one row and one column", .found = "none"});
  check_latitudes(lat);
  check_longitudes(lon);
}

/// First meridian without the rounding of files; canonical order starts in [0, step).
double exact_first_longitude(double first, double step) {
  for (double nice : {0.0, step / 2})
    if (std::abs(first - nice) < kLongitudeToleranceDeg / 2) return nice;
  if (first < 0.0 || first >= step)
    bad_longitude(0, fmt::format("the first meridian at or after 0, below {:.6g} degrees", step),
                  fmt::format("{}", first), "rotate the columns while reading");
  return first;
}

}  // namespace

Grid::Grid(HealpixGrid g) : grid_(g) { check_healpix(g); }

Grid::Grid(LatLonGrid g) : grid_(std::move(g)) {
  const auto& value = std::get<LatLonGrid>(grid_);
  check_coordinates(value.lat_deg, value.lon_deg);
}

Grid::Grid(ReducedGaussianGrid g) : grid_(std::move(g)) {
  auto& value = std::get<ReducedGaussianGrid>(grid_);
  const auto rows = static_cast<int64_t>(value.lat_deg.size());
  const auto& lengths = value.row_lengths;
  if (rows < 2 || rows % 2 != 0 || value.lat_deg.size() != lengths.size() ||
      *std::min_element(lengths.begin(), lengths.end()) < 1 ||
      !std::equal(lengths.begin(), lengths.end(), lengths.rbegin()))
    throw DataError("RowsNotMonotonic", "sphere.grid",
                    {.what = "reduced Gaussian grid",
                     .expected = "a positive row length for every latitude row, symmetric about the equator",
                     .found = fmt::format("{} rows, {} lengths", rows, lengths.size())});
  if (classify_rows(value.lat_deg) != RowKind::Gaussian)
    throw DataError("RowsNotMonotonic", "sphere.grid",
                    {.what = fmt::format("reduced Gaussian grid of {} rows", rows),
                     .expected = "Gaussian latitudes, north first",
                     .found = fmt::format("{} to {}", value.lat_deg.front(), value.lat_deg.back())});
  value.lat_deg = gaussian_latitudes_deg(rows);  // exact, so that equal grids are equal
  value.octahedral = lengths == octahedral_row_lengths(rows / 2);
}

Grid Grid::from_coordinates(std::span<const double> lat_deg, std::span<const double> lon_deg) {
  check_coordinates(lat_deg, lon_deg);
  LatLonGrid g{classify_rows(lat_deg), {lat_deg.begin(), lat_deg.end()}, {lon_deg.begin(), lon_deg.end()}};
  if (!is_uniform_globe(lon_deg)) g.rows = RowKind::Regional;
  if (g.rows == RowKind::Regional) return Grid(std::move(g));
  // Exact coordinates instead of rounded ones, so that equal grids are equal.
  const auto rows = static_cast<int64_t>(lat_deg.size()), columns = static_cast<int64_t>(lon_deg.size());
  const auto exact = row_latitudes_deg(g.rows, rows);
  if (g.rows != RowKind::Inner ||
      std::abs(exact.front() - lat_deg.front()) + std::abs(exact.back() - lat_deg.back()) < 2e-5)
    g.lat_deg = exact;
  else
    g.lat_deg = uniform_deg(lat_deg.front(), lat_deg.back(), rows);
  g.lon_deg = column_longitudes_deg(columns, exact_first_longitude(lon_deg[0], 360.0 / static_cast<double>(columns)));
  return Grid(std::move(g));
}

int64_t Grid::num_cells() const {
  if (const auto* h = std::get_if<HealpixGrid>(&grid_)) return num_pixels(h->nside);
  if (const auto* g = std::get_if<LatLonGrid>(&grid_))
    return static_cast<int64_t>(g->lat_deg.size() * g->lon_deg.size());
  int64_t sum = 0;
  for (int64_t n : std::get<ReducedGaussianGrid>(grid_).row_lengths) sum += n;
  return sum;
}

bool Grid::is_global() const {
  const auto* g = std::get_if<LatLonGrid>(&grid_);
  return g == nullptr || g->rows != RowKind::Regional;
}

Grid::Centres Grid::centres() const {
  Centres c;
  const size_t n = static_cast<size_t>(num_cells());
  c.lat_deg.reserve(n);
  c.lon_deg.reserve(n);
  if (const auto* h = std::get_if<HealpixGrid>(&grid_)) {
    for (size_t p = 0; p < n; ++p) {
      const Angle a = pix2ang(*h, static_cast<int64_t>(p));
      c.lat_deg.push_back(90.0 - a.theta * kDegPerRad);
      c.lon_deg.push_back(a.phi * kDegPerRad);
    }
  } else if (const auto* g = std::get_if<LatLonGrid>(&grid_)) {
    for (double lat : g->lat_deg)
      for (double lon : g->lon_deg) {
        c.lat_deg.push_back(lat);
        c.lon_deg.push_back(is_global() ? wrapped_deg(lon) : lon);
      }
  } else {
    const auto& r = std::get<ReducedGaussianGrid>(grid_);
    for (size_t j = 0; j < r.lat_deg.size(); ++j)
      for (int64_t i = 0; i < r.row_lengths[j]; ++i) {
        c.lat_deg.push_back(r.lat_deg[j]);
        c.lon_deg.push_back(360.0 * static_cast<double>(i) / static_cast<double>(r.row_lengths[j]));
      }
  }
  return c;
}

std::vector<double> Grid::areas_sr() const {
  if (const auto* h = std::get_if<HealpixGrid>(&grid_)) {
    const auto n = static_cast<size_t>(num_pixels(h->nside));
    return std::vector<double>(n, 4.0 * kPi / static_cast<double>(n));
  }
  std::vector<double> areas;
  areas.reserve(static_cast<size_t>(num_cells()));
  if (const auto* g = std::get_if<LatLonGrid>(&grid_)) {
    const auto bounds = row_bounds_theta(g->rows, g->lat_deg);
    const auto widths = column_widths_deg(*g);
    for (size_t j = 0; j < g->lat_deg.size(); ++j)
      for (double width : widths) areas.push_back(width * kRadPerDeg * band(bounds[j], bounds[j + 1]));
    return areas;
  }
  const auto& r = std::get<ReducedGaussianGrid>(grid_);
  const auto bounds = row_bounds_theta(RowKind::Gaussian, r.lat_deg);
  for (size_t j = 0; j < r.lat_deg.size(); ++j) {
    const double row = 2.0 * kPi * band(bounds[j], bounds[j + 1]) / static_cast<double>(r.row_lengths[j]);
    areas.insert(areas.end(), static_cast<size_t>(r.row_lengths[j]), row);
  }
  return areas;
}

}  // namespace pear::sphere
