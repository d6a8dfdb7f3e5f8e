#include "forecast/verify/regions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "base/error.h"

namespace pear::forecast {
namespace {

// Centres are computed; an edge at 20 deg must include a centre of 20 - 1e-14 deg.
constexpr double kEdgeToleranceDeg = 1e-9;

enum class Zone { Box, OutsideTropics };
struct NamedRegion {
  const char* name;
  Zone zone;
  BoxConfig box;
};

// Source: WMO Manual on the GDPFS and WeatherBench 2 (scoring.md section 2).
const std::array<NamedRegion, 13> kRegions{{
    {"global", Zone::Box, {-90, 90, 0, 360}},
    {"tropics", Zone::Box, {-20, 20, 0, 360}},
    {"extratropics", Zone::OutsideTropics, {-20, 20, 0, 360}},
    {"nh", Zone::Box, {20, 90, 0, 360}},
    {"sh", Zone::Box, {-90, -20, 0, 360}},
    {"europe", Zone::Box, {35, 75, -12.5, 42.5}},
    {"north_america", Zone::Box, {25, 60, -120, -75}},
    {"north_atlantic", Zone::Box, {25, 65, -70, -10}},
    {"north_pacific", Zone::Box, {25, 60, 145, -130}},
    {"east_asia", Zone::Box, {25, 60, 102.5, 150}},
    {"ausnz", Zone::Box, {-45, -12.5, 120, 175}},
    {"arctic", Zone::Box, {60, 90, 0, 360}},
    {"antarctic", Zone::Box, {-90, -60, 0, 360}},
}};

double wrap_lon(double lon) {
  const double x = std::fmod(lon, 360.0);
  return x < 0 ? x + 360.0 : x;
}

bool lon_inside(double lon, const BoxConfig& box) {
  if (box.east - box.west >= 360) return true;
  const double width = wrap_lon(box.east - box.west);
  const double x = wrap_lon(lon - box.west);
  return x <= width + kEdgeToleranceDeg || x >= 360 - kEdgeToleranceDeg;
}

bool inside(double lat, double lon, const NamedRegion& r) {
  if (r.zone == Zone::OutsideTropics) return std::abs(lat) >= r.box.north - kEdgeToleranceDeg;
  return lat >= r.box.south - kEdgeToleranceDeg && lat <= r.box.north + kEdgeToleranceDeg && lon_inside(lon, r.box);
}

std::optional<NamedRegion> find(const std::string& name, const std::map<std::string, BoxConfig>& boxes) {
  if (const auto it = boxes.find(name); it != boxes.end()) return NamedRegion{"", Zone::Box, it->second};
  for (const auto& r : kRegions)
    if (name == r.name) return r;
  return std::nullopt;
}

}  // namespace

std::vector<std::string> known_regions() {
  std::vector<std::string> names;
  for (const auto& r : kRegions) names.emplace_back(r.name);
  return names;
}

Region make_region(const std::string& name, const sphere::Grid& grid, std::span<const double> weights,
                   const std::map<std::string, BoxConfig>& boxes, std::span<const float> land_fraction) {
  const std::string suffix = "_land";
  auto zone = find(name, boxes);
  const bool land = !zone && name.ends_with(suffix);
  if (land) zone = find(name.substr(0, name.size() - suffix.size()), boxes);
  if (!zone)
    throw ConfigError("UnknownRegion", "score.regions",
                      {.what = "unknown region '" + name + "'",
                       .expected = fmt::format("{}, each also with _land", fmt::join(known_regions(), ", ")),
                       .hint = "define a box of your own under score.boxes"});
  if (land && land_fraction.empty())
    throw ConfigError("NoLandFraction", "score.regions",
                      {.what = "region '" + name + "' needs a land fraction", .hint = "set score.land_fraction"});
  if (static_cast<int64_t>(weights.size()) != grid.num_cells() || (land && land_fraction.size() != weights.size()))
    throw ShapeError("SizeMismatch", "forecast.verify.regions",
                     {.what = "weights or land fraction of region " + name,
                      .expected = std::to_string(grid.num_cells()) + " cells",
                      .found = fmt::format("{} and {}", weights.size(), land_fraction.size())});
  const auto centres = grid.centres();
  Region region{name, std::vector<double>(weights.size(), 0.0)};
  double total = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!inside(centres.lat_deg[i], centres.lon_deg[i], *zone)) continue;
    region.weights[i] = weights[i] * (land ? static_cast<double>(land_fraction[i]) : 1.0);
    total += region.weights[i];
  }
  if (!(total > 0))
    throw ConfigError("EmptyRegion", "score.regions",
                      {.what = "region '" + name + "' has no cell with weight on grid " + grid.spec()});
  return region;
}

}  // namespace pear::forecast
