#include "forecast/verify/weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/constants.h"
#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr std::array<std::pair<AreaWeights, const char*>, 4> kNames{{{AreaWeights::Equal, "equal"},
                                                                     {AreaWeights::AreaWb2, "area_wb2"},
                                                                     {AreaWeights::AreaWbx, "area_wbx"},
                                                                     {AreaWeights::CosLat, "coslat"}}};

// sin(90 deg) and cos(90 deg) exactly, so that poles weigh exactly nothing under CosLat.
double sin_deg(double deg) { return std::abs(deg) >= 90 ? std::copysign(1.0, deg) : std::sin(deg * kRadPerDeg); }
double cos_deg(double deg) { return std::abs(deg) >= 90 ? 0.0 : std::cos(deg * kRadPerDeg); }

void divide_by_mean(std::vector<double>& w) {
  const double mean = std::accumulate(w.begin(), w.end(), 0.0) / static_cast<double>(w.size());
  for (double& x : w) x /= mean;
}

// Rows in ascending order.
std::vector<double> area_of_rows(const std::vector<double>& lat, AreaWeights kind) {
  const size_t n = lat.size();
  std::vector<double> bounds(n + 1);
  for (size_t i = 1; i < n; ++i) bounds[i] = 0.5 * (lat[i - 1] + lat[i]);
  bounds[0] = -90;
  bounds[n] = 90;
  if (kind == AreaWeights::AreaWbx) {
    bounds[0] = std::max(-90.0, lat[0] - 0.5 * (lat[1] - lat[0]));
    bounds[n] = std::min(90.0, lat[n - 1] + 0.5 * (lat[n - 1] - lat[n - 2]));
  }
  std::vector<double> w(n);
  for (size_t i = 0; i < n; ++i) w[i] = sin_deg(bounds[i + 1]) - sin_deg(bounds[i]);
  return w;
}

}  // namespace

std::string to_string(AreaWeights kind) {
  for (const auto& [value, name] : kNames)
    if (value == kind) return name;
  return "?";
}

AreaWeights area_weights_from(std::string_view name, const sphere::Grid& grid) {
  if (name == "auto") return grid.is_healpix() ? AreaWeights::Equal : AreaWeights::AreaWb2;
  for (const auto& [value, known] : kNames)
    if (name == known) return value;
  throw ConfigError(
      "UnknownWeights", "score.weights",
      {.what = "unknown weights '" + std::string(name) + "'", .expected = "auto, equal, area_wb2, area_wbx or coslat"});
}

std::vector<double> row_weights(std::span<const double> lat_deg, AreaWeights kind) {
  std::vector<size_t> order(lat_deg.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return lat_deg[a] < lat_deg[b]; });
  std::vector<double> sorted(order.size());
  for (size_t i = 0; i < order.size(); ++i) sorted[i] = lat_deg[order[i]];

  std::vector<double> w(sorted.size(), 1.0);
  if (kind == AreaWeights::AreaWb2 || kind == AreaWeights::AreaWbx) {
    if (sorted.size() < 2)
      throw ShapeError(
          "TooFewRows", "forecast.verify.weights",
          {.what = "area weights", .expected = "at least 2 latitudes", .found = std::to_string(sorted.size())});
    w = area_of_rows(sorted, kind);
  } else if (kind == AreaWeights::CosLat) {
    for (size_t i = 0; i < w.size(); ++i) w[i] = cos_deg(sorted[i]);
  }
  if (kind != AreaWeights::Equal) divide_by_mean(w);
  std::vector<double> out(w.size());
  for (size_t i = 0; i < order.size(); ++i) out[order[i]] = w[i];
  return out;
}

std::vector<double> cell_weights(const sphere::Grid& grid, AreaWeights kind) {
  if (kind == AreaWeights::Equal) return std::vector<double>(static_cast<size_t>(grid.num_cells()), 1.0);
  std::vector<double> w;
  if (grid.is_healpix()) {
    if (kind != AreaWeights::CosLat)
      throw ConfigError("UnknownWeights", "score.weights",
                        {.what = "weights " + to_string(kind) + " need rows of latitude",
                         .found = "grid " + grid.spec(),
                         .hint = "use score.weights: equal on HEALPix"});
    for (const double lat : grid.centres().lat_deg) w.push_back(cos_deg(lat));
    divide_by_mean(w);
    return w;
  }
  if (grid.is_latlon()) {
    const auto& g = grid.latlon();
    const auto rows = row_weights(g.lat_deg, kind);
    for (const double r : rows) w.insert(w.end(), g.lon_deg.size(), r);
    return w;
  }
  const auto& g = std::get<sphere::ReducedGaussianGrid>(grid.value());
  const auto rows = row_weights(g.lat_deg, kind);
  for (size_t j = 0; j < rows.size(); ++j)
    w.insert(w.end(), static_cast<size_t>(g.row_lengths[j]), rows[j] / static_cast<double>(g.row_lengths[j]));
  divide_by_mean(w);
  return w;
}

}  // namespace pear::forecast
