// Steps of the dynamical core: CPU time per step and stage, fused loops next to tensor operations, Legendre sums next
// to the sgemm peak of the same run.
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "benchmarks/cpu_time.h"
#include "forecast/dynamics/held_suarez.h"
#include "forecast/dynamics/nature_physics.h"
#include "forecast/dynamics/spectral_core.h"
#include "forecast/dynamics/surface.h"
#include "forecast/dynamics/test_flows.h"
#include "sphere/harmonics/legendre.h"

namespace pear::benchmarks {
namespace {

using namespace forecast;
constexpr int kRepeats = 40;
constexpr int64_t kStepsPerRepeat = 8, kSpinUpSteps = 40;

struct Setting {
  int64_t truncation, layers;
  bool moist;
  torch::Dtype dtype = torch::kFloat32;
};

struct Model {
  std::shared_ptr<const sphere::SphericalHarmonicTransform> transform;
  SigmaCoordinate sigma;
  std::shared_ptr<const Physics> physics;
  std::unique_ptr<SpectralCore> core;
  std::unique_ptr<SemiImplicitLeapfrog> leapfrog;
  CoreState state;

  Model(const Setting& s, GridPath path) : sigma(SigmaCoordinate::with_layers(s.layers)) {
    const SpectralCoreOptions o{.truncation = s.truncation, .fix_mass = s.moist, .path = path, .dtype = s.dtype};
    transform = make_transform(o);
    const Planet planet;
    const GridColumns columns(*transform, sigma, planet);
    torch::Tensor ground;
    if (s.moist) {
      const Surface surface = analytic_surface(*transform);
      ground = surface.geopotential;
      physics = std::make_shared<NaturePhysics>(columns, surface.land, NaturePhysicsOptions(), path);
    } else {
      physics = std::make_shared<HeldSuarezPhysics>(columns, path);
    }
    core = std::make_unique<SpectralCore>(o, transform, sigma, planet, ground, physics);
    leapfrog = std::make_unique<SemiImplicitLeapfrog>(sigma, planet, s.truncation, torch::TensorOptions(s.dtype),
                                                      o.leapfrog, path);
    PrimitiveState start = rest_with_noise(*transform, sigma, planet, 1, 1).state;
    if (s.moist) {
      auto humidity = at::zeros_like(start.upper.narrow(2, 0, 1));
      for (int64_t k = 0; k < s.layers; ++k)  // a dry top, 8 g/kg at the ground
        humidity[0][0][0][0][k][0] = 8e-3 * std::pow(sigma.full[static_cast<size_t>(k)], 3);
      start.upper = at::cat({start.upper, humidity}, 2);
    }
    state = core->begin(start, 0);
    for (int64_t i = 0; i < kSpinUpSteps; ++i) core->step(state);
  }

  double step_ms() {
    return best_ms(kRepeats,
                   [&] {
                     for (int64_t i = 0; i < kStepsPerRepeat; ++i) core->step(state);
                   }) /
           static_cast<double>(kStepsPerRepeat);
  }
};

nlohmann::json stages(Model& m) {
  const auto& e = m.core->equations();
  const GridFields fields = e.grid_fields(m.state.now);
  const auto tendency = e.tendencies(m.state.now, fields, m.state.physics);
  const double tau = 2 * m.core->time_step();
  const auto upper = m.state.now.upper;
  const int64_t in = fields.all.size(0),
                out = (m.state.now.is_moist() ? 9 : 6) * upper.size(3) * upper.size(4) + upper.size(3);
  const auto spectral = m.transform->analyze(fields.all);
  const auto grid = at::randn({out, fields.all.size(1), fields.all.size(2), fields.all.size(3)}, fields.all.options());
  const double synthesis = best_ms(kRepeats, [&] { m.transform->synthesize(spectral); });
  const double analysis = best_ms(kRepeats, [&] { m.transform->analyze(grid); });
  return {
      {"fields_in", in},
      {"fields_out", out},
      {"synthesis", synthesis},
      {"analysis", analysis},
      {"to_grid_rest", best_ms(kRepeats, [&] { e.grid_fields(m.state.now); }) - synthesis},
      {"tendencies_rest", best_ms(kRepeats, [&] { e.tendencies(m.state.now, fields, m.state.physics); }) - analysis},
      {"physics", best_ms(kRepeats, [&] { m.physics->tendencies(fields, 10.0); })},
      {"leapfrog", best_ms(kRepeats, [&] { m.leapfrog->advance(m.state.previous, m.state.now, tendency, tau); })},
      {"filter", best_ms(kRepeats, [&] {
         PrimitiveState now = m.state.now, next = m.state.now;
         m.leapfrog->filter(m.state.previous, now, next);
       })}};
}

/// Share of the sgemm peak that the Legendre sums of one step reach; multiplications with padding do not count.
double legendre_of_peak(const Model& m, int64_t in, int64_t out, double peak) {
  const auto& o = m.transform->options();
  const sphere::LegendreSums sums(o.truncation, sphere::transform_rows(o.rows, o.num_rows), o.dtype, o.device);
  const auto degrees = at::randn({o.truncation + 1, 2 * in, o.truncation + 2});
  const auto rows = at::randn({o.truncation + 1, 2 * out, o.num_rows});
  const double ms = best_ms(kRepeats, [&] { sums.rows_from_degrees(degrees); }) +
                    best_ms(kRepeats, [&] { sums.degrees_from_rows(rows); });
  const auto triangle = static_cast<double>((o.truncation + 1) * (o.truncation + 4) / 2);
  return 2e-6 * triangle * 2 * static_cast<double>((in + out) * o.num_rows) / ms / peak;
}

nlohmann::json run(const Setting& s, double peak) {
  Model loops(s, GridPath::Automatic), tensors(s, GridPath::Tensor);
  const double fused = loops.step_ms(), composed = tensors.step_ms();
  const double days = loops.core->time_step() / 86400 / fused * 60e3;
  nlohmann::json r = {{"truncation", s.truncation},
                      {"layers", s.layers},
                      {"physics", s.moist ? "moist nature run" : "dry Held-Suarez"},
                      {"dtype", s.dtype == torch::kFloat32 ? "float32" : "float64"},
                      {"step_ms", fused},
                      {"tensor_step_ms", composed},
                      {"days_per_minute", days}};
  r["stages"] = stages(loops);
  r["tensor_stages"] = stages(tensors);
  if (s.dtype == torch::kFloat32)
    r["legendre_of_peak"] = legendre_of_peak(loops, r["stages"]["fields_in"], r["stages"]["fields_out"], peak);
  fmt::print("T{}L{} {}, {}: {:.3f} ms per step, {:.0f} days per minute; tensor operations {:.3f} ms", s.truncation,
             s.layers, r["physics"].get<std::string>(), r["dtype"].get<std::string>(), fused, days, composed);
  if (r.contains("legendre_of_peak")) fmt::print("; Legendre {:.2f} of peak", r["legendre_of_peak"].get<double>());
  fmt::print("\n");
  for (const char* stage :
       {"synthesis", "analysis", "to_grid_rest", "tendencies_rest", "physics", "leapfrog", "filter"})
    fmt::print("    {:<16} {:>8.3f} {:>8.3f}\n", stage, r["stages"][stage].get<double>(),
               r["tensor_stages"][stage].get<double>());
  return r;
}

int benchmark(bool quick) {
  const c10::InferenceMode no_autograd;
  at::set_num_threads(1);
  const double peak = sgemm_peak_gflops(kRepeats);
  fmt::print("1 thread, CPU ms, best of {}; sgemm 1024^3 {:.1f} GFLOP/s; stages: loops, tensor operations\n", kRepeats,
             peak);
  std::vector<Setting> settings;
  for (const bool moist : {false, true})
    for (const auto& [truncation, layers] : {std::pair<int64_t, int64_t>{21, 8}, {31, 8}, {42, 10}})
      settings.push_back({truncation, layers, moist});
  if (!quick) settings.push_back({42, 10, false, torch::kFloat64}), settings.push_back({63, 10, true});
  nlohmann::json results = nlohmann::json::array();
  for (const Setting& s : settings) results.push_back(run(s, peak));
  const nlohmann::json report = {{"benchmark", "dycore"}, {"threads", 1}, {"sgemm_gflops", peak}, {"results", results}};
  fmt::print("{}\n", report.dump());
  return 0;
}

}  // namespace
}  // namespace pear::benchmarks

int main(int argc, char** argv) {
  const std::string option = argc > 1 ? argv[1] : "";
  if (argc > 2 || (!option.empty() && option != "--json" && option != "--quick")) {
    fmt::print(stderr, "usage: dycore [--json | --quick]   (JSON is always printed, on the last line)\n");
    return 2;
  }
  return pear::benchmarks::benchmark(option == "--quick");
}
