// The same start again: repeated, restarted, with other threads, in a batch.
#include <ATen/Parallel.h>

#include "forecast/dynamics/nature_physics.h"
#include "forecast/dynamics/surface.h"
#include "forecast/dynamics/test_flows.h"
#include "forecast/studies/acceptance_case.h"

namespace pear::forecast {
namespace {

using torch::Tensor;

SpectralCore moist_core(const AcceptanceSetup& s) {
  const auto o = s.core_options();
  const auto transform = make_transform(o);
  const auto sigma = SigmaCoordinate::with_layers(s.layers);
  const Planet planet;
  const Surface surface = analytic_surface(*transform);
  auto physics =
      std::make_shared<NaturePhysics>(GridColumns(*transform, sigma, planet), surface.land, NaturePhysicsOptions{});
  return SpectralCore(o, transform, sigma, planet, surface.geopotential, std::move(physics));
}

/// Rest with noise and vapour that falls off with height.
PrimitiveState moist_start(const SpectralCore& core, int64_t members, uint64_t seed) {
  const auto& sigma = core.equations().sigma();
  const PrimitiveState dry = rest_with_noise(core.transform(), sigma, core.equations().planet(), members, seed).state;
  auto vapour = torch::zeros_like(dry.field(kTemperature));
  for (int64_t k = 0; k < sigma.num_layers(); ++k)
    vapour.select(3, k).select(0, 0).select(0, 0).select(1, 0).fill_(0.012 *
                                                                     std::pow(sigma.full[static_cast<size_t>(k)], 3));
  const auto ground =
      core.equations().surface_geopotential().unsqueeze(2) / (core.equations().planet().gas_constant * 288);
  return {torch::cat({dry.upper, vapour.unsqueeze(2)}, 2), dry.log_pressure - ground};
}

bool same_bits(const CoreState& a, const CoreState& b) {
  return torch::equal(a.now.upper, b.now.upper) && torch::equal(a.now.log_pressure, b.now.log_pressure) &&
         torch::equal(a.previous.upper, b.previous.upper) && torch::equal(a.physics, b.physics);
}

CoreState copy_of(const CoreState& s) {
  CoreState out = s;
  for (Tensor* x : {&out.previous.upper, &out.previous.log_pressure, &out.now.upper, &out.now.log_pressure,
                    &out.physics, &out.mass})
    *x = x->clone();
  return out;
}

Measure yes(const char* what, bool value) {
  return {.quantity = what, .unit = "yes = 1", .value = value ? 1.0 : 0.0, .page = 1, .low = 1};
}

}  // namespace

AcceptanceAnswer run_reproducibility(const AcceptanceSetup& s) {
  const SpectralCore core = moist_core(s);
  const PrimitiveState three = moist_start(core, 3, s.seed);
  const PrimitiveState one{three.upper.narrow(3, 1, 1).contiguous(), three.log_pressure.narrow(2, 1, 1).contiguous()};
  AcceptanceClock clock(s, 6 * s.days);
  const auto run = [&](const PrimitiveState& start, double days) {
    CoreState state = core.begin(start, 0);
    clock.run(core, state, days);
    return state;
  };
  const CoreState first = run(one, s.days), again = run(one, s.days);
  const CoreState half = run(one, s.days / 2);
  CoreState restarted = copy_of(half);
  const SpectralCore other = moist_core(s);
  clock.run(other, restarted, s.days / 2);
  const int threads = at::get_num_threads();
  at::set_num_threads(threads == 1 ? 2 : 1);
  const CoreState threaded = run(one, s.days);
  at::set_num_threads(threads);
  const CoreState batch = run(three, s.days);
  // Relative difference of the field that differs most; matrix products are cut for threads and batches.
  const auto difference = [&](const Tensor& other_upper) {
    double worst = 0;
    for (int64_t f = 0; f < first.now.num_fields(); ++f) {
      const auto a = first.now.upper.select(2, f), b = other_upper.select(2, f);
      worst = std::max(worst, ((a - b).norm() / a.norm()).item<double>());
    }
    return worst;
  };
  AcceptanceAnswer out;
  out.measures = {yes("repetition has the same bits", same_bits(first, again)),
                  yes("restart has the same bits", same_bits(first, restarted)),
                  {.quantity = "2 threads against 1, relative",
                   .unit = "1",
                   .value = difference(threaded.now.upper),
                   .page = 0,
                   .high = 1e-5},
                  {.quantity = "batch of 3 against 1, relative",
                   .unit = "1",
                   .value = difference(batch.now.upper.narrow(3, 1, 1)),
                   .page = 2.1e-8,
                   .high = 1e-5}};
  return out;
}

}  // namespace pear::forecast
