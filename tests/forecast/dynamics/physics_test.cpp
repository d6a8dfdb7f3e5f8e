// Physics against the formulas of its sources, written out once more for one column in plain arithmetic.
#include <gtest/gtest.h>

#include <algorithm>

#include "forecast/dynamics/nature_physics.h"
#include "tests/forecast/dynamics/dynamics_fixture.h"

namespace pear::forecast {
namespace {

using namespace testing;
constexpr double kDay = 86400, kPi = std::numbers::pi;
constexpr int64_t kLayers = 8;
constexpr double kRelative = 1e-11;  // float64 against float64

/// Fields of two members on a small grid, different at every point.
struct Column {
  SpectralCoreOptions options = core_options(10, 5400, torch::kFloat64);
  Transform transform = make_transform(options);
  SigmaCoordinate sigma = SigmaCoordinate::with_layers(kLayers);
  Planet planet;
  GridFields g;
  torch::Tensor land;
  std::vector<double> sin_lat;  // of the point

  explicit Column(bool moist) {
    at::manual_seed(11);
    const int64_t rows = transform->num_hemisphere_rows(), columns = transform->options().num_columns;
    const auto upper = [&] { return torch::rand({2, kLayers, 2, rows, columns}, torch::kFloat64); };
    g.temperature = -90 + 100 * upper();
    g.u_cos = 20 * (upper() - 0.5), g.v_cos = 20 * (upper() - 0.5);
    g.pi = 0.06 * (torch::rand({2, 2, rows, columns}, torch::kFloat64) - 0.5);
    if (moist) g.humidity = 0.02 * upper() - 0.001;
    land = torch::rand({2, rows, columns}, torch::kFloat64);
  }
};

struct Point {
  int64_t b, h, row, column;
};
const std::vector<Point> kPoints{{0, 0, 0, 3}, {1, 1, 2, 17}, {0, 1, 7, 0}, {1, 0, 7, 31}, {0, 0, 4, 9}};

double value(const torch::Tensor& x, int64_t field, const Point& p, int64_t k) {
  return x[field][p.b][k][p.h][p.row][p.column].item<double>();
}
double value(const torch::Tensor& x, const Point& p, int64_t k) {
  return x[p.b][k][p.h][p.row][p.column].item<double>();
}
double value(const torch::Tensor& x, const Point& p) { return x[p.b][p.h][p.row][p.column].item<double>(); }

TEST(HeldSuarez, FollowsTheFormulasOfThePaper) {
  Column c(false);
  const HeldSuarezPhysics physics(GridColumns(*c.transform, c.sigma, c.planet));
  const auto out = physics.tendencies(c.g, 0);
  ASSERT_EQ(out.sizes(), (std::vector<int64_t>{3, 2, kLayers, 2, c.land.size(1), c.land.size(2)}));
  for (const Point& p : kPoints)
    for (int64_t k = 0; k < kLayers; ++k) {
      const double s = c.sigma.full[static_cast<size_t>(k)], sin = c.transform->row_mu()[p.h][p.row].item<double>();
      const double cos2 = 1 - sin * sin, pressure = s * std::exp(value(c.g.pi, p));
      const double equilibrium =
          std::max(200.0, (315 - 60 * sin * sin - 10 * std::log(pressure) * cos2) * std::pow(pressure, 287.0 / 1004.5));
      const double near = std::max(0.0, (s - 0.7) / 0.3);
      const double cooling = (1 / 40.0 + (1 / 4.0 - 1 / 40.0) * near * cos2 * cos2) / kDay;
      const double u = value(c.g.u_cos, p, k), v = value(c.g.v_cos, p, k), t = 300 + value(c.g.temperature, p, k);
      EXPECT_NEAR(value(out, 0, p, k), -near / kDay * u, kRelative * std::abs(u / kDay));
      EXPECT_NEAR(value(out, 1, p, k), -near / kDay * v, kRelative * std::abs(v / kDay));
      EXPECT_NEAR(value(out, 2, p, k), -cooling * (t - equilibrium), kRelative * t / kDay);
    }
}

// The nature run's formulas for one layer.
double saturation(double t, double p) {
  const double e = std::min(610.78 * std::exp(17.27 * (t - 273.16) / (t - 35.86)), p / 2);
  return 0.622 * e / (p - 0.378 * e);
}

double nature_equilibrium(double s, double sin, double pressure_share, double land, double day) {
  const double theta = 2 * kPi * day / 365.25, cos2 = 1 - sin * sin;
  const double season = 10 * std::cos(theta - 2 * kPi * 25 / 365.25) * sin;
  const double continent = 22 * std::cos(theta - 2 * kPi * 18 / 365.25) * sin * land * std::max(0.0, (s - 0.5) / 0.5);
  const double warm = 293 - 42 * sin * sin - season - continent - 10 * std::log(pressure_share) * cos2;
  return std::max(200.0, warm * std::pow(pressure_share, 287.0 / 1004.5));
}

double nature_rain(double s, double q, double t, double p) {
  const double critical = 0.60 + 0.35 * s * s, saturated = saturation(t, p);
  const double latent = critical * 2.5e6 * 2.5e6 * saturated / (1004.5 * 461.5 * t * t);
  return std::max(0.0, q - critical * saturated) / (4 * 3600 * (1 + latent));
}

/// Of the lowest layer, s-1.
double nature_evaporation(double s, double ds, double q, double t, double wind2, double ps, double sin, double land,
                          double day) {
  const double lat = std::asin(sin) * 180 / kPi, centre = -6 * std::cos(2 * kPi * (day - 45) / 365.25);
  const double ground = 271 + 29 * std::exp(-std::pow((lat - centre) / 26, 2) / 2);
  const double depth = 287.0 / 9.80665 * t * ds / s;
  return 0.0015 * (1 - 0.6 * land) * std::sqrt(wind2 + 9) * std::max(0.0, saturation(ground, ps) - q) / depth;
}

TEST(NatureSaturation, AgreesWithSteamTablesAtRoomTemperature) {
  EXPECT_NEAR(saturation(293.15, 1e5), 0.01467, 2e-5);  // es = 2339 Pa
}

TEST(NaturePhysics, DryTendenciesFollowTheFormulas) {
  Column c(false);
  const NaturePhysics physics(GridColumns(*c.transform, c.sigma, c.planet), c.land, {});
  const double day = 200.25;
  const auto out = physics.tendencies(c.g, day);
  for (const Point& p : kPoints)
    for (int64_t k = 0; k < kLayers; ++k) {
      const double s = c.sigma.full[static_cast<size_t>(k)], sin = c.transform->row_mu()[p.h][p.row].item<double>();
      const double land = c.land[p.h][p.row][p.column].item<double>(), near = std::max(0.0, (s - 0.7) / 0.3);
      const double drag = (near * (1 / 1.5 + (1 / 0.6 - 1 / 1.5) * land) + (k == 0 ? 1 / 15.0 : 0)) / kDay;
      const double cooling = (1 / 40.0 + (1 / 4.0 - 1 / 40.0) * near * std::pow(1 - sin * sin, 2)) / kDay;
      const double t = 300 + value(c.g.temperature, p, k), u = value(c.g.u_cos, p, k), v = value(c.g.v_cos, p, k);
      const double equilibrium = nature_equilibrium(s, sin, s * std::exp(value(c.g.pi, p)), land, day);
      EXPECT_NEAR(value(out, 0, p, k), -drag * u, kRelative * std::abs(u / kDay));
      EXPECT_NEAR(value(out, 1, p, k), -drag * v, kRelative * std::abs(v / kDay));
      EXPECT_NEAR(value(out, 2, p, k), -cooling * (t - equilibrium), kRelative * t / kDay);
    }
}

TEST(NaturePhysics, WaterFollowsTheFormulas) {
  Column c(true);
  const NaturePhysics physics(GridColumns(*c.transform, c.sigma, c.planet), c.land, {});
  const double day = 40;
  const auto out = physics.tendencies(c.g, day);
  auto dry = c.g;
  dry.humidity = torch::Tensor();
  const auto without = physics.tendencies(dry, day);
  const auto fluxes = physics.water_fluxes(c.g, day);
  int raining = 0;
  for (const Point& p : kPoints) {
    const double ps = 1e5 * std::exp(value(c.g.pi, p)), sin = c.transform->row_mu()[p.h][p.row].item<double>();
    double rain_sum = 0;
    for (int64_t k = 0; k < kLayers; ++k) {
      const auto i = static_cast<size_t>(k);
      const double s = c.sigma.full[i], t = 300 + value(c.g.temperature, p, k);
      const double rain = nature_rain(s, std::max(0.0, value(c.g.humidity, p, k)), t, s * ps);
      raining += rain > 0;
      rain_sum += rain * c.sigma.thickness[i] * ps / 9.80665;
      EXPECT_NEAR(value(out, 2, p, k) - value(without, 2, p, k), 2.5e6 / 1004.5 * rain, 1e-13);
    }
    EXPECT_NEAR(value(fluxes.precipitation, p), rain_sum, kRelative * rain_sum + 1e-18);
    const int64_t last = kLayers - 1;
    const double wind2 =
        (std::pow(value(c.g.u_cos, p, last), 2) + std::pow(value(c.g.v_cos, p, last), 2)) / (1 - sin * sin);
    const double land = c.land[p.h][p.row][p.column].item<double>();
    const double source =
        nature_evaporation(c.sigma.full.back(), c.sigma.thickness.back(), std::max(0.0, value(c.g.humidity, p, last)),
                           300 + value(c.g.temperature, p, last), wind2, ps, sin, land, day);
    const double flux = source * c.sigma.thickness.back() * ps / 9.80665;
    EXPECT_NEAR(value(fluxes.evaporation, p), flux, 1e-10 * flux + 1e-18);
  }
  EXPECT_GT(raining, 5);
  EXPECT_GT(fluxes.evaporation.max().item<double>(), 1e-5);  // 1 mm/day = 1.2e-5 kg m-2 s-1
}

TEST(NaturePhysics, AColumnOfVapourChangesByEvaporationMinusRain) {
  Column c(true);
  c.g.humidity = c.g.humidity.clamp_min(0);
  const NaturePhysics physics(GridColumns(*c.transform, c.sigma, c.planet), c.land, {});
  const auto change = physics.tendencies(c.g, 300)[3];
  const auto thickness = torch::tensor(c.sigma.thickness, torch::kFloat64).view({-1, 1, 1, 1});
  const auto mass = (change * thickness).sum(1) * c.g.pi.exp() * (1e5 / 9.80665);
  const auto fluxes = physics.water_fluxes(c.g, 300);
  EXPECT_LT(largest(mass - (fluxes.evaporation - fluxes.precipitation)), 1e-16);
  EXPECT_GT(largest(mass), 1e-6);
}

TEST(NaturePhysics, MixingMovesVapourWithoutMakingAny) {
  Column c(true);
  c.g.temperature = 30 + 0 * c.g.temperature;  // so hot that nothing condenses …
  c.g.humidity = c.g.humidity.clamp_min(0);
  c.g.humidity.select(1, kLayers - 1).fill_(0.05);  // … and so moist that nothing evaporates
  const NaturePhysics physics(GridColumns(*c.transform, c.sigma, c.planet), c.land, {});
  const auto change = physics.tendencies(c.g, 0)[3];
  const auto thickness = torch::tensor(c.sigma.thickness, torch::kFloat64).view({-1, 1, 1, 1});
  EXPECT_GT(largest(change), 1e-8);
  EXPECT_LT(largest((change * thickness).sum(1)), 1e-20);
  EXPECT_LT(change.select(1, kLayers - 1).max().item<double>(), 0);  // down the gradient
  // One interface by hand: flux = K s / (H dz), dz = H ln(s_lower / s_upper).
  const double edge = c.sigma.half[7], height = 8000 * std::log(c.sigma.full[7] / c.sigma.full[6]);
  const double flux = 20 * std::min(1.0, (edge - 0.45) / 0.4) * edge / (8000 * height);
  const Point p = kPoints[1];
  const double expected = flux / c.sigma.thickness[7] * (value(c.g.humidity, p, 6) - 0.05);
  EXPECT_NEAR(value(change, p, 7), expected, kRelative * std::abs(expected));
}

TEST(NaturePhysics, NegativeVapourIsFilledInTwoHours) {
  Column c(true);
  c.g.humidity.fill_(-1e-4);
  const NaturePhysics physics(GridColumns(*c.transform, c.sigma, c.planet), c.land, {});
  const auto change = physics.tendencies(c.g, 0)[3];
  EXPECT_NEAR(value(change, kPoints[0], 2), 1e-4 / 7200, 1e-16);
}

TEST(NaturePhysics, PerturbedConstantsMakeAnotherModel) {
  Column c(true);
  const GridColumns columns(*c.transform, c.sigma, c.planet);
  const auto a = NaturePhysics(columns, c.land, {}).tendencies(c.g, 0);
  const auto b = NaturePhysics(columns, c.land, NaturePhysicsOptions::perturbed()).tendencies(c.g, 0);
  for (int64_t f = 0; f < 4; ++f) {
    const double change = (largest(a[f] - b[f]) / largest(a[f]));
    EXPECT_GT(change, 0.05) << f;
    EXPECT_LT(change, 0.5) << f;
  }
}

}  // namespace
}  // namespace pear::forecast
