#include "forecast/dynamics/spectral_core.h"

#include <gtest/gtest.h>

#include "forecast/dynamics/held_suarez.h"
#include "forecast/dynamics/test_flows.h"

namespace pear::forecast {
namespace {

TEST(BalancedFlow, StaysSteadyForADay) {
  torch::InferenceMode guard;
  SpectralCoreOptions o{.truncation = 21, .time_step = 1800, .dtype = torch::kFloat64};
  const auto transform = make_transform(o);
  const auto sigma = SigmaCoordinate::uniform(20);
  const Planet planet = Planet::jablonowski_williamson();
  const auto flow = jablonowski_williamson(*transform, sigma, planet, false);
  const SpectralCore core(o, transform, sigma, planet, flow.surface_geopotential, nullptr);
  CoreState state = core.begin(flow.state, 0);
  const auto u0 = core.equations().grid_fields(state.now).u_cos.clone();
  for (int day = 1; day <= 5; ++day) {
    core.run(state, 86400);
    const auto g = core.equations().grid_fields(state.now);
    const auto c = core.equations().cos2().sqrt();
    const auto w = transform->row_weights() / static_cast<double>(transform->options().num_columns);
    const auto e = ((((g.u_cos - u0) / c).square() * w).sum({2, 3, 4}).mean()).sqrt().item<double>();
    const auto ps = g.pi.exp() * 1000;
    std::printf("day %d l2 %.4f ps %.3f %.3f\n", day, e, ps.min().item<double>(), ps.max().item<double>());
  }
}

}  // namespace
}  // namespace pear::forecast
