#include <gtest/gtest.h>

#include "forecast/dynamics/test_flows.h"
#include "tests/forecast/dynamics/dynamics_fixture.h"

namespace pear::forecast {
namespace {

using namespace testing;

/// A functional of the state after six steps that weighs every field about alike.
torch::Tensor outcome(const SpectralCore& core, const PrimitiveState& start, const torch::Tensor& weights) {
  CoreState state = core.begin(start, 0);
  for (int i = 0; i < 6; ++i) core.step(state);
  const auto g = core.equations().grid_fields(state.now);
  return ((g.u_cos.square() + g.temperature.square()) * weights).sum() + (g.pi * weights[0] * 1e3).sum();
}

TEST(CoreGradient, SixStepsAgreeWithCentralDifferences) {
  const auto core = held_suarez_core(core_options(21, 2700, torch::kFloat64), 8);
  const auto& t = core.transform();
  auto flow = jablonowski_williamson(t, core.equations().sigma(), core.equations().planet(), true);
  at::manual_seed(3);
  const auto weights = torch::randn({8, 2, t.num_hemisphere_rows(), t.options().num_columns}, torch::kFloat64);
  const auto direction = torch::randn_like(flow.state.upper) * flow.state.upper.abs().mean({0, 1, 3, 5}, true);
  auto upper = flow.state.upper.clone().requires_grad_(true);
  auto pi = flow.state.log_pressure.clone().requires_grad_(true);
  outcome(core, {upper, pi}, weights).backward();
  ASSERT_GT(largest(pi.grad()), 0);
  // White in the upper air, smooth in pressure.
  const auto push = t.truncate(direction);
  const auto push_pi = t.truncate(torch::randn_like(pi)) * 1e-4;
  const double slope = (upper.grad() * push).sum().item<double>() + (pi.grad() * push_pi).sum().item<double>();
  const at::NoGradGuard off;
  const double h = 1e-5;
  const auto at = [&](double x) {
    return outcome(core, {flow.state.upper + x * push, flow.state.log_pressure + x * push_pi}, weights).item<double>();
  };
  const double difference = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);  // fourth order
  EXPECT_NEAR(slope / difference, 1, 1e-7);
}

}  // namespace
}  // namespace pear::forecast
