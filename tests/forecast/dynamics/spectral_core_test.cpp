#include "forecast/dynamics/spectral_core.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "forecast/dynamics/surface.h"
#include "forecast/dynamics/test_flows.h"
#include "tests/forecast/dynamics/dynamics_fixture.h"

namespace pear::forecast {
namespace {

using namespace testing;
constexpr double kDay = 86400;

TEST(BalancedFlow, JetsOverTheirOrographyStaySteadyForFiveDays) {
  const torch::InferenceMode guard;
  const auto o = core_options(21, 1800, torch::kFloat64);
  const auto transform = make_transform(o);
  const auto sigma = SigmaCoordinate::uniform(20);
  const Planet planet = Planet::jablonowski_williamson();
  const auto flow = jablonowski_williamson(*transform, sigma, planet, false);
  const SpectralCore core(o, transform, sigma, planet, flow.surface_geopotential, nullptr);
  CoreState state = core.begin(flow.state, 0);
  const auto u0 = core.equations().grid_fields(state.now).u_cos.clone();
  core.run(state, 5 * kDay);
  const auto g = core.equations().grid_fields(state.now);
  const auto error = (g.u_cos - u0) / core.equations().cos2().sqrt();
  const double l2 = (error.square() * mean_weights(*transform)).sum({2, 3, 4}).mean().sqrt().item<double>();
  EXPECT_LT(l2, 0.12);  // m s-1; 0.074 where this design was measured
  EXPECT_GT(l2, 0.01);  // a frozen state would be as steady as can be
  const auto ps = g.pi.exp() * 1000;
  EXPECT_GT(ps.min().item<double>(), 999.7);
  EXPECT_LT(ps.max().item<double>(), 1000.2);
}

TEST(BalancedFlow, RestingIsothermalAirStaysAtRestOverMountains) {
  const torch::InferenceMode guard;
  auto o = core_options(21, 2700, torch::kFloat64);
  o.leapfrog.diffuse_along_pressure = false;  // that one supposes a lapse rate which this air does not have
  const auto transform = make_transform(o);
  const Planet planet;
  const auto surface = analytic_surface(*transform);
  const double kelvin = 270;
  const auto height = transform->synthesize(surface.geopotential);
  ASSERT_GT(largest(height), 9.8 * 2000);
  const auto state0 = isothermal_state(*transform, planet, 8, kelvin, 0, -height / (planet.gas_constant * kelvin));
  const SpectralCore core(o, transform, SigmaCoordinate::with_layers(8), planet, surface.geopotential, nullptr);
  CoreState state = core.begin(state0, 0);
  core.run(state, kDay);
  const auto g = core.equations().grid_fields(state.now);
  EXPECT_LT(largest(g.u_cos), 1e-8);  // m s-1: rounding
  EXPECT_LT(largest(g.v_cos), 1e-8);
  EXPECT_LT(largest(g.temperature + planet.reference_temperature - kelvin), 1e-8);
}

TEST(BalancedFlow, SolidBodyRotationStaysAsItIs) {
  const torch::InferenceMode guard;
  auto o = core_options(21, 2700, torch::kFloat64);
  o.leapfrog.diffusion_time_days = 0;
  const auto transform = make_transform(o);
  const Planet planet;
  const double kelvin = 280, wind = 30;
  const double slope = (wind * wind / 2 + planet.rotation * planet.radius * wind) / (planet.gas_constant * kelvin);
  const auto log_pressure = -slope * transform->row_mu().square() + at::zeros({2, 16, 64}, torch::kFloat64);
  const auto start = isothermal_state(*transform, planet, 8, kelvin, wind, log_pressure);
  const SpectralCore core(o, transform, SigmaCoordinate::with_layers(8), planet, {}, nullptr);
  const auto u = core.equations().grid_fields(start).u_cos;
  ASSERT_NEAR(u.max().item<double>(), wind * (1 - std::pow(transform->mu()[15].item<double>(), 2)), 1e-9);
  CoreState state = core.begin(start, 0);
  core.run(state, kDay);
  const auto g = core.equations().grid_fields(state.now);
  EXPECT_LT(largest(g.u_cos - u), 1e-8);  // m s-1: rounding
  EXPECT_LT(largest(g.v_cos), 1e-8);
}

/// Mean over the sphere of ps / g (kinetic + cp T + Phi_s), J m-2.
double total_energy(const SpectralCore& core, const PrimitiveState& state) {
  const auto& e = core.equations();
  const auto g = e.grid_fields(state);
  const auto& p = e.planet();
  const auto thickness = torch::tensor(e.sigma().thickness, torch::kFloat64).view({-1, 1, 1, 1});
  const auto kinetic = (g.u_cos.square() + g.v_cos.square()) / (2 * e.cos2());
  const auto column = ((kinetic + p.heat_capacity * (g.temperature + p.reference_temperature)) * thickness).sum(1) +
                      core.transform().synthesize(e.surface_geopotential());
  return (column * g.pi.exp() * (p.base_pressure / p.gravity) * mean_weights(core.transform())).sum().item<double>();
}

TEST(Conservation, MassAndEnergyOfAGrowingWaveHoldForADay) {
  const torch::InferenceMode guard;
  const auto o = core_options(21, 1800, torch::kFloat64);
  const auto transform = make_transform(o);
  const auto sigma = SigmaCoordinate::with_layers(10);
  const Planet planet = Planet::jablonowski_williamson();
  const auto flow = jablonowski_williamson(*transform, sigma, planet, true);
  const SpectralCore core(o, transform, sigma, planet, flow.surface_geopotential, nullptr);
  CoreState state = core.begin(flow.state, 0);
  const double energy = total_energy(core, state.now), mass = state.mass.item<double>();
  core.run(state, kDay);
  const double later = core.mean_surface_pressure(core.equations().grid_fields(state.now)).item<double>();
  EXPECT_NEAR(later / mass, 1, 1e-7);
  EXPECT_NEAR(total_energy(core, state.now) / energy, 1, 1e-6);
}

TEST(Conservation, TheMassFixerBringsTheMeanPressureBack) {
  const torch::InferenceMode guard;
  auto o = core_options(21, 2700, torch::kFloat64);
  o.fix_mass = true;
  const auto core = held_suarez_core(o, 8);
  const auto flow = rest_with_noise(core.transform(), core.equations().sigma(), {}, 2, 1);
  CoreState state = core.begin(flow.state, 0);
  state.mass = state.mass * 0.999;  // as if the start had been lighter
  for (int i = 0; i < 96; ++i) core.step(state);
  const auto mass = core.mean_surface_pressure(core.equations().grid_fields(state.now));
  EXPECT_LT(largest(mass / state.mass - 1), 5e-5);
}

CoreState started(const SpectralCore& core, int64_t members, uint64_t seed) {
  return core.begin(rest_with_noise(core.transform(), core.equations().sigma(), {}, members, seed).state, 0);
}

void steps(const SpectralCore& core, CoreState& state, int count) {
  for (int i = 0; i < count; ++i) core.step(state);
}

TEST(Reproducibility, ARepetitionHasTheSameBits) {
  const torch::InferenceMode guard;
  const auto core = held_suarez_core(core_options(21, 2700, torch::kFloat32), 8);
  CoreState a = started(core, 1, 7), b = started(core, 1, 7), other = started(core, 1, 8);
  steps(core, a, 20), steps(core, b, 20), steps(core, other, 20);
  EXPECT_TRUE(same_bits(a.now, b.now));
  EXPECT_FALSE(same_bits(a.now, other.now));
}

TEST(Reproducibility, ARestartFromItsStateHasTheSameBits) {
  const torch::InferenceMode guard;
  const auto o = core_options(21, 2700, torch::kFloat32);
  const auto core = held_suarez_core(o, 8);
  CoreState whole = started(core, 1, 7);
  steps(core, whole, 10);
  CoreState saved = copy_of(whole);
  steps(core, whole, 10);
  const auto later = held_suarez_core(o, 8);
  steps(later, saved, 10);
  EXPECT_TRUE(same_bits(whole.now, saved.now));
  EXPECT_TRUE(same_bits(whole.previous, saved.previous));
  EXPECT_TRUE(torch::equal(whole.physics, saved.physics));
  EXPECT_DOUBLE_EQ(later.days(saved), 20 * 2700 / kDay);
}

TEST(Reproducibility, TheSameNumberOfThreadsGivesTheSameBitsAndAnotherOneTheSameFlow) {
  const torch::InferenceMode guard;
  const int before = at::get_num_threads();
  const auto core = held_suarez_core(core_options(21, 2700, torch::kFloat32), 8);
  CoreState one = started(core, 1, 7), two = started(core, 1, 7), again = started(core, 1, 7);
  at::set_num_threads(1);
  steps(core, one, 8);
  at::set_num_threads(2);
  steps(core, two, 8), steps(core, again, 8);
  at::set_num_threads(before);
  EXPECT_TRUE(same_bits(again.now, two.now));
  // The matrix products of the transform are cut for the threads, and so are the sums in them.
  for (int64_t f = 0; f < 3; ++f) {
    const auto a = one.now.upper.select(2, f), b = two.now.upper.select(2, f);
    EXPECT_LT(largest(a - b) / largest(a), 1e-6) << f;
  }
}

TEST(Reproducibility, AMemberOfABatchMovesAsItDoesAlone) {
  const torch::InferenceMode guard;
  const auto core = held_suarez_core(core_options(21, 2700, torch::kFloat32), 8);
  CoreState batch = started(core, 3, 7);
  CoreState alone = core.begin(
      {batch.now.upper.narrow(3, 1, 1).contiguous(), batch.now.log_pressure.narrow(2, 1, 1).contiguous()}, 0);
  steps(core, batch, 20), steps(core, alone, 20);
  const auto together = batch.now.upper.narrow(3, 1, 1);
  for (int64_t f = 0; f < 3; ++f) {
    const auto a = together.select(2, f), b = alone.now.upper.select(2, f);
    // Sums over another number of columns are formed in another order; from there differences grow with the flow.
    EXPECT_LT(largest(a - b) / largest(b), 1e-6) << f;
    EXPECT_GT(largest(batch.now.upper.narrow(3, 0, 1).select(2, f) - a) / largest(b), 1e-6) << f;  // members differ
  }
}

TEST(Reproducibility, SinglePrecisionFollowsDoubleForADay) {
  const torch::InferenceMode guard;
  const auto single = held_suarez_core(core_options(21, 2700, torch::kFloat32), 8);
  const auto twice = held_suarez_core(core_options(21, 2700, torch::kFloat64), 8);
  CoreState a = started(single, 1, 7), b = started(twice, 1, 7);
  single.run(a, kDay), twice.run(b, kDay);
  const auto x = single.equations().grid_fields(a.now), y = twice.equations().grid_fields(b.now);
  EXPECT_LT(largest(x.temperature.to(torch::kFloat64) - y.temperature), 2e-3);  // K, of deviations up to 100 K
  EXPECT_LT(largest(x.pi.to(torch::kFloat64) - y.pi), 1e-5);
}

TEST(TimeStep, DefaultDividesSixHoursAtEveryTruncation) {
  for (int64_t n = 10; n <= 127; ++n) {
    const double dt = default_time_step(n), count = 21600 / dt;
    EXPECT_NEAR(count, std::round(count), 1e-9) << n;
    EXPECT_LE(dt * static_cast<double>(n), 70000) << n;  // 100 m/s: 1.1 truncated radii
    EXPECT_GT(dt * static_cast<double>(n), 35000) << n;
  }
  EXPECT_EQ(default_time_step(21), 2700);
  EXPECT_EQ(default_time_step(31), 2160);
  EXPECT_EQ(default_time_step(42), 1440);
  EXPECT_EQ(default_time_step(63), 900);  // 960 s are 22.5 steps
}

TEST(TimeStep, SpansThatItDoesNotDivideAreRefused) {
  const auto core = held_suarez_core(core_options(21, 2700, torch::kFloat32), 8);
  CoreState state = started(core, 1, 1);
  try {
    core.run(state, 3600);
    FAIL() << "accepted";
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.code(), "BadTimeStep");
    EXPECT_NE(std::string(e.what()).find("2700"), std::string::npos);
  }
  EXPECT_EQ(state.step, 0);
}

TEST(TimeStep, AnIntegrationThatBlowsUpSaysWhereAndWhen) {
  const torch::InferenceMode guard;
  const auto o = core_options(42, 10800, torch::kFloat32);
  const auto transform = make_transform(o);
  const auto sigma = SigmaCoordinate::with_layers(5);
  const Planet planet = Planet::jablonowski_williamson();
  const auto flow = jablonowski_williamson(*transform, sigma, planet, true);
  const SpectralCore core(o, transform, sigma, planet, flow.surface_geopotential, nullptr);
  CoreState state = core.begin(flow.state, 0);
  try {
    core.run(state, 20 * kDay);
    FAIL() << "stable";
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "Unstable");
    EXPECT_NE(e.detail().what.find("step"), std::string::npos);
    EXPECT_NE(e.detail().found.find("layer"), std::string::npos);
    EXPECT_FALSE(e.detail().expected.empty());
    EXPECT_NE(e.detail().hint.find("time_step"), std::string::npos);
    EXPECT_GT(state.step, 2);
  }
}

TEST(TimeStep, BrokenFieldsAreNamedWithTheirLayer) {
  const torch::InferenceMode guard;
  const auto core = held_suarez_core(core_options(21, 2700, torch::kFloat32), 8);
  CoreState state = started(core, 1, 1);
  state.now.upper.select(2, kTemperature).select(3, 4).fill_(std::nanf(""));
  try {
    core.step(state);
    FAIL() << "accepted";
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "Unstable");
    EXPECT_NE(e.detail().expected.find("temperature"), std::string::npos) << e.what();
    EXPECT_NE(e.detail().found.find("layer 5"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace pear::forecast
