#include "forecast/dynamics/pressure_levels.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "forecast/dynamics/test_flows.h"
#include "tests/forecast/dynamics/dynamics_fixture.h"

namespace pear::forecast {
namespace {

using namespace testing;
constexpr double kR = 287.0, kG = 9.80665, kLapse = 0.0065;

/// T = A + B ln(p / p0), u and v linear in ln p too, over a mountain in the northern hemisphere.
struct LinearProfile {
  static constexpr double kA = 288, kB = 35;
  SpectralCoreOptions options = core_options(21, 2700, torch::kFloat64);
  Transform transform = make_transform(options);
  SigmaCoordinate sigma;
  Planet planet;
  Surface surface;
  std::unique_ptr<PrimitiveEquations> equations;
  GridFields g;
  torch::Tensor height;  // [2, H, L]

  explicit LinearProfile(int64_t layers) : sigma(SigmaCoordinate::with_layers(layers)) {
    const int64_t columns = transform->options().num_columns;
    const auto zero = at::zeros({2, transform->num_hemisphere_rows(), columns}, torch::kFloat64);
    const auto mu = transform->row_mu() + zero;
    surface.geopotential = spectrum(*transform, 15000 * mu.clamp_min(0) * mu.clamp_min(0));
    surface.land = (mu > 0).to(torch::kFloat64);
    height = transform->synthesize(surface.geopotential);
    equations = std::make_unique<PrimitiveEquations>(transform, sigma, planet, surface.geopotential);
    // Pressure at which the profile has the height of the ground: R (A x + B x^2 / 2) = -height.
    g.pi = ((-kA + (kA * kA - 2 * kB * height / kR).sqrt()) / kB).unsqueeze(0);
    const auto x = g.pi.unsqueeze(1) + torch::tensor(sigma.full, torch::kFloat64).log().view({-1, 1, 1, 1});
    const auto cos = (1 - mu.square()).sqrt();
    g.temperature = kA + kB * x - planet.reference_temperature;
    g.u_cos = (10 - 8 * x) * cos, g.v_cos = (1 + 2 * x) * cos;
  }
  torch::Tensor log_pressure(int64_t k) const { return g.pi[0] + std::log(sigma.full[static_cast<size_t>(k)]); }
};

const std::vector<double> kLevels{1000, 850, 500, 700, 250, 100, 50, 5};

TEST(PressureLevels, FieldsLinearInLogPressureAreExactAtEveryLevel) {
  const LinearProfile f(40);
  const auto out = PressureLevels(*f.equations, f.surface, kLevels).from_layers(f.g);
  const auto top = f.log_pressure(0), low = f.log_pressure(39);
  int under_ground = 0;
  for (size_t i = 0; i < kLevels.size(); ++i) {
    const auto k = static_cast<int64_t>(i);
    const auto x = torch::full_like(f.height, std::log(kLevels[i] / 1000));
    const auto inside = at::minimum(at::maximum(x, top), low);  // held constant outside …
    const auto t = (LinearProfile::kA + LinearProfile::kB * inside) *
                   (kR * kLapse / kG * (x - low).clamp_min(0)).exp();  // … but for temperature below
    EXPECT_LT(largest(out.t[0][k] - t), 1e-9) << kLevels[i];
    EXPECT_LT(largest(out.u[0][k] - (10 - 8 * inside)), 1e-9) << kLevels[i];
    EXPECT_LT(largest(out.v[0][k] - (1 + 2 * inside)), 1e-9) << kLevels[i];
    EXPECT_EQ(largest(out.q[0][k]), 0);
    under_ground += (x > f.g.pi[0]).sum().item<int>() > 0;
  }
  EXPECT_EQ(under_ground, 2);  // 1000 and 850 hPa: the mountain is 1500 m high
}

TEST(PressureLevels, GeopotentialIsThatOfTheProfile) {
  const LinearProfile f(40);
  const auto out = PressureLevels(*f.equations, f.surface, kLevels).from_layers(f.g);
  const auto exact = [](const torch::Tensor& x) {
    return -kR * (LinearProfile::kA * x + LinearProfile::kB / 2 * x.square());
  };
  const auto low = f.log_pressure(39);
  for (size_t i = 0; i < kLevels.size(); ++i) {
    if (kLevels[i] < 100) continue;  // there the layers are as thick as the air above them
    const auto x = torch::full_like(f.height, std::log(kLevels[i] / 1000));
    const auto warm = LinearProfile::kA + LinearProfile::kB * low;
    const auto below = exact(low) - kG * warm / kLapse * ((kR * kLapse / kG * (x - low).clamp_min(0)).exp() - 1);
    const auto z = torch::where(x > low, below, exact(x));
    // The layers' own heights are second order in their thickness, worst where few lie above.
    const double tolerance = kLevels[i] >= 250 ? 25 : 160;
    EXPECT_LT(largest(out.z[0][static_cast<int64_t>(i)] - z), tolerance) << kLevels[i];
  }
}

TEST(PressureLevels, LevelsThatCoincideWithLayersHaveTheirHydrostaticHeight) {
  LinearProfile f(8);
  f.g.pi.zero_();
  f.surface.geopotential.zero_();
  std::vector<double> levels;
  for (const double s : f.sigma.full) levels.push_back(1000 * s);
  levels.push_back(500 * f.sigma.full[0]);  // outside of all layers
  levels.push_back(1030);
  const auto out = PressureLevels(*f.equations, f.surface, levels).from_layers(f.g);
  const auto t = f.g.temperature[0] + f.planet.reference_temperature;
  auto below = at::zeros_like(f.height);  // geopotential of the layer's lower edge
  for (int64_t k = 7; k >= 0; --k) {
    const auto i = static_cast<size_t>(k);
    EXPECT_LT(largest(out.z[0][k] - (below + kR * f.sigma.alpha[i] * t[k])), 1e-7) << k;
    EXPECT_LT(largest(out.t[0][k] - t[k]), 1e-9);
    below = below + kR * f.sigma.log_ratio[i] * t[k];
  }
  EXPECT_LT(largest(out.z[0][8] - (out.z[0][0] + kR * t[0] * std::log(2.0))), 1e-7);  // isothermal above
  const double growth = std::pow(1030 / (1000 * f.sigma.full[7]), kR * kLapse / kG) - 1;
  EXPECT_LT(largest(out.z[0][9] - (out.z[0][7] - kG * t[7] / kLapse * growth)), 1e-7);
  EXPECT_LT(out.z[0][9].max().item<double>(), 0);
}

TEST(SurfaceWeather, MeanSeaLevelPressureOverFlatGroundIsTheSurfacePressure) {
  LinearProfile f(20);
  f.surface.geopotential.zero_();
  const auto out = PressureLevels(*f.equations, f.surface, {500, 1000}).from_layers(f.g);
  EXPECT_LT(largest(out.msl - 1e5 * f.g.pi.exp()), 100);  // Pa; the lowest layer is 50 hPa thick
}

TEST(SurfaceWeather, MeanSeaLevelPressureIsWhereTheGeopotentialVanishes) {
  const LinearProfile f(20);
  const auto first = PressureLevels(*f.equations, f.surface, {500, 1000}).from_layers(f.g);
  const auto ground = first.z[0][1], msl = first.msl[0];
  EXPECT_TRUE(torch::equal(ground > 0, msl > 1e5));
  EXPECT_LT((ground.abs() - 9.80665 * 9 * (msl - 1e5).abs() / 100).max().item<double>(), 30);  // 1 hPa is about 8 m
}

TEST(SurfaceWeather, WindAndTemperatureNearTheGroundFollowTheirProfiles) {
  const LinearProfile f(8);
  const auto out = PressureLevels(*f.equations, f.surface, {500, 1000}).from_layers(f.g);
  for (const auto& [hemisphere, roughness] : {std::pair<int64_t, double>{0, 0.1}, {1, 1e-3}}) {
    const auto t = f.g.temperature[0][7][hemisphere] + f.planet.reference_temperature;
    const auto height = kR * f.sigma.alpha[7] * t / kG;
    const auto cos = f.equations->cos2().sqrt();
    const auto share = std::log(10 / roughness) / (height / roughness).log();
    EXPECT_LT(largest(out.u10[0][hemisphere] - f.g.u_cos[0][7][hemisphere] / cos * share), 1e-9);
    EXPECT_LT(largest(out.v10[0][hemisphere] - f.g.v_cos[0][7][hemisphere] / cos * share), 1e-9);
    EXPECT_LT(largest(out.t2m[0][hemisphere] - (t + kLapse * (height - 2))), 1e-9);
  }
}

TEST(PressureLevels, AStateComesBackFromItsLevels) {
  const auto o = core_options(21, 2700, torch::kFloat64);
  const auto transform = make_transform(o);
  const auto sigma = SigmaCoordinate::with_layers(13);
  const Planet planet;
  const auto flow = jablonowski_williamson(*transform, sigma, planet, true);
  const PrimitiveEquations equations(transform, sigma, planet, flow.surface_geopotential);
  std::vector<double> hpa;
  for (int p = 1000; p >= 50; p -= 25) hpa.push_back(p);
  for (const double p : {10., 15., 20., 30., 40.}) hpa.push_back(p);
  const PressureLevels levels(equations, {flow.surface_geopotential, at::zeros({2, 16, 64}, torch::kFloat64)}, hpa);
  const auto before = equations.grid_fields(flow.state);
  const auto state = levels.to_layers(levels.from_layers(before), false);
  const auto after = equations.grid_fields(state);
  EXPECT_EQ(state.upper.sizes(), flow.state.upper.sizes());
  EXPECT_LT(largest(after.pi - before.pi), 1e-3);  // 1 hPa
  // Interpolated twice between layers up to 100 hPa apart.
  const auto warmer = after.temperature - before.temperature;
  EXPECT_LT(largest(warmer.narrow(1, 2, 11)), 1.0);
  EXPECT_LT(largest(warmer), 3.0);  // the uppermost layers span a factor of 3 in pressure
  EXPECT_LT(largest(after.u_cos - before.u_cos), 1.0);
  EXPECT_LT(largest(after.v_cos - before.v_cos), 0.5);
  const auto moist = levels.to_layers(levels.from_layers(before), true);
  EXPECT_EQ(moist.num_fields(), 4);
  EXPECT_EQ(largest(moist.field(kHumidity)), 0);
}

TEST(PressureLevels, VapourComesBackBelowOneHundredHectopascals) {
  LinearProfile f(13);
  const auto x = torch::tensor(f.sigma.full, torch::kFloat64).view({-1, 1, 1, 1});
  f.g.humidity = 0.01 * x.square() + at::zeros_like(f.g.temperature);
  const PressureLevels levels(*f.equations, f.surface,
                              {1000, 925, 850, 700, 600, 500, 400, 300, 250, 200, 150, 100, 50});
  const auto state = levels.to_layers(levels.from_layers(f.g), true);
  const auto q = f.transform->synthesize(state.field(kHumidity).select(2, 0));
  EXPECT_LT(largest(q[0]), 1e-12);                                                  // layer at 18 hPa
  EXPECT_LT(largest(q.narrow(0, 3, 10) - f.g.humidity[0].narrow(0, 3, 10)), 1e-3);  // of up to 0.01
}

TEST(PressureLevels, OneLevelIsTooFewForAState) {
  const LinearProfile f(8);
  const PressureLevels levels(*f.equations, f.surface, {500});
  const auto fields = levels.from_layers(f.g);
  try {
    levels.to_layers(fields, false);
    FAIL() << "accepted";
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "BadLevels");
  }
}

}  // namespace
}  // namespace pear::forecast
