#include "forecast/dynamics/surface.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <vector>

#include "base/constants.h"

namespace pear::forecast {
namespace {

/// exp(-(d_lat / width)^2 - (d_lon cos(lat) / length)^2), turned by `turn` degrees from west-east towards north.
struct Hill {
  double lat, lon, width, length, turn, height;
};

// Places and extents in degrees, heights in metres: rounded from any atlas; nothing depends on their exact values.
constexpr Hill kMountains[] = {
    {33, 88, 7, 17, 0, 4600},     // Tibet
    {50, 95, 6, 14, -20, 1300},   // Altai, Mongolia
    {42, 247, 11, 7, 0, 1900},    // Rockies, Great Basin
    {58, 236, 5, 10, -40, 1100},  // Coast Mountains
    {-20, 292, 14, 3.6, 0, 3400}, // Central Andes
    {-2, 282, 9, 3, 0, 1800},     // Northern Andes
    {-38, 289, 9, 2.5, 0, 1300},  // Southern Andes
    {73, 320, 8, 10, 0, 2600},    // Greenland
    {-82, 80, 13, 90, 0, 3000},   // East Antarctica
    {-80, 255, 8, 40, 0, 1400},   // West Antarctica
    {8, 38, 6, 5, 0, 1700},       // Ethiopia
    {-5, 31, 9, 5, 0, 1100},      // East Africa
    {-27, 25, 8, 9, 0, 1100},     // Southern Africa
    {46, 10, 2.5, 6, 0, 1200},    // Alps
    {38, 40, 4, 9, 0, 1400},      // Anatolia
    {32, 56, 5, 9, -25, 1200},    // Iran
    {62, 10, 5, 4, 45, 800},      // Scandinavia
    {66, 130, 6, 16, 0, 700},     // Eastern Siberia
    {-15, 315, 8, 8, 0, 700},     // Brazilian Highlands
    {-25, 133, 8, 10, 0, 400},    // Australia
};

/// Continents as ellipses; the height is the sharpness of the coast.
constexpr Hill kContinents[] = {
    {52, 260, 19, 38, 0, 1},   {68, 255, 9, 45, 0, 1},    {20, 262, 8, 10, -30, 1},  // North America
    {73, 320, 9, 11, 0, 1},                                                            // Greenland
    {-10, 300, 17, 18, 0, 1},  {-34, 294, 18, 7, 0, 1},                                // South America
    {18, 10, 17, 28, 0, 1},    {-10, 25, 22, 15, 0, 1},                                // Africa
    {50, 25, 12, 30, 0, 1},    {58, 80, 16, 50, 0, 1},    {62, 130, 12, 40, 0, 1},    // Europe, Siberia
    {32, 100, 15, 22, 0, 1},   {30, 60, 12, 22, 0, 1},    {20, 78, 12, 9, 0, 1},      // China, Iran, India
    {-25, 134, 12, 18, 0, 1},  {0, 113, 7, 14, 0, 0.7},                                // Australia, islands
    {-90, 0, 19, 400, 0, 1},                                                           // Antarctica
};

/// Squared distance from the centre in units of the extents: [2, H, L].
torch::Tensor distance2(const Hill& hill, const torch::Tensor& lat, const torch::Tensor& lon) {
  const auto turned = (lon - hill.lon + 540).remainder(360) - 180;
  const auto east = turned * (lat * kRadPerDeg).cos(), north = lat - hill.lat;
  const double c = std::cos(hill.turn * kRadPerDeg), s = std::sin(hill.turn * kRadPerDeg);
  return ((c * east + s * north) / hill.length).square() + ((c * north - s * east) / hill.width).square();
}

}  // namespace

torch::Tensor smoothed_spectrum(const sphere::SphericalHarmonicTransform& t, const torch::Tensor& grid) {
  const int64_t n = t.options().truncation;
  auto filter = at::empty({n + 1, 1, n + 2}, torch::kFloat64);
  auto* out = filter.data_ptr<double>();
  for (int64_t m = 0; m <= n; ++m)
    for (int64_t l = m; l < m + n + 2; ++l) {
      const double x = static_cast<double>(l * (l + 1)) / static_cast<double>(n * (n + 1));
      *out++ = std::exp(-2 * x * x);
    }
  const auto x = grid.to(t.options().dtype).to(t.options().device);
  return t.truncate(t.analyze(x)) * filter.to(x.options());
}

Surface analytic_surface(const sphere::SphericalHarmonicTransform& t) {
  const int64_t columns = t.options().num_columns;
  const auto zero = at::zeros({2, t.num_hemisphere_rows(), columns}, torch::kFloat64);
  const auto lat = t.row_mu().asin() * kDegPerRad + zero;
  const auto lon = at::arange(columns, torch::kFloat64) * (360.0 / static_cast<double>(columns)) + zero;
  auto height = at::zeros_like(zero), sea = at::ones_like(zero);
  for (const Hill& hill : kMountains) height = height + hill.height * (-distance2(hill, lat, lon)).exp();
  for (const Hill& c : kContinents) sea = sea * (1 - c.height * (1 + (6 * (distance2(c, lat, lon) - 1)).exp()).reciprocal());
  const auto land = 1 - sea;
  Surface surface;
  surface.geopotential = smoothed_spectrum(t, height * land * kStandardGravityMetresPerSecond2);
  surface.land = t.synthesize(smoothed_spectrum(t, land)).clamp(0, 1);
  return surface;
}

torch::Tensor pressure_over_new_ground(const torch::Tensor& log_pressure, const torch::Tensor& old_geopotential,
                                       const torch::Tensor& new_geopotential, double gas_constant) {
  constexpr double kColumnKelvin = 280;
  const auto change = (new_geopotential - old_geopotential).unsqueeze(2) / (gas_constant * kColumnKelvin);
  return log_pressure - change;
}

}  // namespace pear::forecast
