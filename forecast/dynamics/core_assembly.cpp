#include "forecast/dynamics/core_assembly.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "base/files.h"
#include "forecast/dynamics/held_suarez.h"
#include "forecast/dynamics/test_flows.h"

namespace pear::forecast {
namespace {

constexpr double kMeanSurfacePressure = 98550;  ///< Pa; gives a mean of about 1012 hPa at sea level
constexpr double kColumnKelvin = 288;           ///< of the air that the mountains displace

Surface make_surface(const CoreConfig& config, const sphere::SphericalHarmonicTransform& t) {
  if (config.surface == "files") return surface_from_files(t, config.orography.str(), config.land_mask.str());
  Surface surface = analytic_surface(t);
  if (config.surface == "flat") {
    surface.geopotential = at::zeros_like(surface.geopotential);
    surface.land = at::zeros_like(surface.land);
  }
  return surface;
}

std::string checksum(const Path& file) { return file.empty() ? "" : sha256_file(file.str()); }

}  // namespace

CoreAssembly assemble_core(const CoreConfig& config, const std::vector<double>& levels_hpa) {
  CoreAssembly a;
  a.moist = config.physics == "nature";
  SpectralCoreOptions options{.truncation = config.truncation_number()};
  options.time_step = static_cast<double>(config.time_step.seconds);
  options.fix_mass = config.physics == "nature";
  const auto transform = make_transform(options);
  const auto sigma = SigmaCoordinate::with_layers(config.num_layers());
  const Planet planet;
  a.surface = make_surface(config, *transform);
  const GridColumns columns(*transform, sigma, planet);
  std::shared_ptr<const Physics> physics;
  if (config.physics == "nature") {
    a.nature = std::make_shared<NaturePhysics>(
        columns, a.surface.land, config.perturbed_physics ? NaturePhysicsOptions::perturbed() : NaturePhysicsOptions());
    physics = a.nature;
  } else if (config.physics == "held_suarez") {
    physics = std::make_shared<HeldSuarezPhysics>(columns);
  }
  a.core = std::make_shared<SpectralCore>(options, transform, sigma, planet, a.surface.geopotential, physics);
  a.levels = std::make_shared<PressureLevels>(a.core->equations(), a.surface, levels_hpa);
  a.definition = {{"truncation", config.truncation_number()},
                  {"half_levels", sigma.half},
                  {"time_step_s", a.core->time_step()},
                  {"physics", config.physics},
                  {"perturbed_physics", config.perturbed_physics},
                  {"surface", config.surface},
                  {"orography_sha256", checksum(config.orography)},
                  {"land_mask_sha256", checksum(config.land_mask)},
                  {"levels_hpa", levels_hpa}};
  return a;
}

PrimitiveState nature_start(const CoreAssembly& a, int64_t num_members, uint64_t seed) {
  const auto& t = a.core->transform();
  const auto& planet = a.core->equations().planet();
  PrimitiveState state = rest_with_noise(t, a.core->equations().sigma(), planet, num_members, seed).state;
  // 6 K - 20 K mu^2 about the isothermal layers.
  const int64_t columns = t.options().num_columns;
  const auto mu2 = t.row_mu().square().expand({2, t.num_hemisphere_rows(), columns});
  const auto warm = t.truncate(t.analyze((6 - 20 * mu2).to(t.options().dtype)));
  state.upper.select(2, kTemperature).add_(warm.unsqueeze(2).unsqueeze(2));
  const double scale = planet.gas_constant * kColumnKelvin;
  const auto ground = t.synthesize(a.surface.geopotential).to(torch::kFloat64);
  const auto weights = t.row_weights() / static_cast<double>(columns);
  const double share = ((-ground / scale).exp() * weights).sum().item<double>();
  auto pi = -a.surface.geopotential / scale;
  pi.select(0, 0).select(0, 0).select(0, 0).add_(std::log(kMeanSurfacePressure / share / planet.base_pressure));
  state.log_pressure = pi.unsqueeze(2).expand_as(state.log_pressure).contiguous();
  if (a.moist) state.upper = at::cat({state.upper, at::zeros_like(state.upper.narrow(2, 0, 1))}, 2);
  return state;
}

}  // namespace pear::forecast
