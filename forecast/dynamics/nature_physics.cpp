#include "forecast/dynamics/nature_physics.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "forecast/dynamics/nature_constants.h"

namespace pear::forecast {
using namespace nature;

NaturePhysicsOptions NaturePhysicsOptions::perturbed() {
  NaturePhysicsOptions o;
  o.drag_days_sea *= 1.25, o.drag_days_land *= 1.25;
  o.cooling_days_free *= 0.8, o.cooling_days_surface *= 0.8;
  o.condensation_hours *= 1.3;
  o.exchange_coefficient *= 0.8;
  return o;
}

NaturePhysics::NaturePhysics(GridColumns columns, torch::Tensor land, const NaturePhysicsOptions& options,
                             GridPath path)
    : columns_(std::move(columns)), options_(options), path_(path), tables_(columns_) {
  const auto& s = columns_.sigma;
  land_ = land.to(s.options()).contiguous();
  const double free = 1 / (options_.cooling_days_free * kDay), surface = 1 / (options_.cooling_days_surface * kDay);
  const auto boundary = ((s - 0.7) / 0.3).clamp_min(0);
  cooling_ = free + (surface - free) * boundary * columns_.cos2.square();
  const double sea = 1 / options_.drag_days_sea, shore = 1 / options_.drag_days_land;
  drag_ = boundary * (sea + (shore - sea) * land_) / kDay;
  drag_ = at::cat({drag_.narrow(0, 0, 1) + 1 / (kTopDragDays * kDay), drag_.narrow(0, 1, drag_.size(0) - 1)}, 0);
  near_ground_ = ((s - 0.5) / 0.5).clamp_min(0);
  critical_ = 0.60 + 0.35 * s.square();
  mixing_ = mixing_matrix();
  tables_ = tables();
}

/// Vapour flux between layers, -K dq/dz with heights -H ln(sigma); conserves the mass of vapour.
torch::Tensor NaturePhysics::mixing_matrix() const {
  const auto& levels = columns_.levels;
  const int64_t n = levels.num_layers();
  auto matrix = at::zeros({n, n}, torch::kFloat64);
  auto a = matrix.accessor<double, 2>();
  for (int64_t k = 0; k + 1 < n; ++k) {
    const auto upper = static_cast<size_t>(k), lower = upper + 1;
    const double between = levels.half[lower];
    const double strength = kMixing * std::clamp((between - 0.45) / 0.4, 0.0, 1.0);
    const double height = kScaleHeight * std::log(levels.full[lower] / levels.full[upper]);
    const double flux = strength * between / (kScaleHeight * height);
    a[k][k] -= flux / levels.thickness[upper], a[k][k + 1] += flux / levels.thickness[upper];
    a[k + 1][k + 1] -= flux / levels.thickness[lower], a[k + 1][k] += flux / levels.thickness[lower];
  }
  return matrix.to(columns_.sigma.options());
}

torch::Tensor NaturePhysics::equilibrium(const torch::Tensor& log_p, double days) const {
  const auto& c = columns_;
  const auto land_season = kLandSeason * season(days, kLandLag) * c.sin_lat * land_ * near_ground_;
  const auto flat = kEquatorKelvin - options_.equator_pole_contrast * c.sin_lat.square() -
                    kSeaSeason * season(days, kSeaLag) * c.sin_lat;
  return ((flat - land_season - kStaticKelvin * log_p * c.cos2) * (c.planet.kappa() * log_p).exp())
      .clamp_min(kStratosphere);
}

torch::Tensor NaturePhysics::saturation(const torch::Tensor& temperature, const torch::Tensor& pressure) const {
  const auto vapour = at::minimum(610.78 * (17.27 * (temperature - 273.16) / (temperature - 35.86)).exp(),
                                  kMinPressureShare * pressure);
  return 0.622 * vapour / (pressure - 0.378 * vapour);
}

torch::Tensor NaturePhysics::condensation(const torch::Tensor& temperature, const torch::Tensor& pressure,
                                          const torch::Tensor& humidity) const {
  const auto& p = columns_.planet;
  const auto saturated = saturation(temperature, pressure);
  const double latent = p.latent_heat * p.latent_heat / (p.heat_capacity * p.vapour_constant);
  return (humidity - critical_ * saturated).clamp_min(0) /
         (options_.condensation_hours * kHour * (1 + critical_ * latent * saturated / temperature.square()));
}

torch::Tensor NaturePhysics::evaporation(const GridFields& g, const torch::Tensor& temperature,
                                         const torch::Tensor& pressure, const torch::Tensor& humidity,
                                         double days) const {
  const auto& c = columns_;
  const int64_t last = c.levels.num_layers() - 1;
  const double centre = kCentreShift * season(days, kCentreLag);
  const auto lat_deg = c.sin_lat.asin() * (180 / std::numbers::pi);
  const auto surface = 271 + 29 * (-((lat_deg - centre) / 26).square() / 2).exp();
  const auto ground_pressure = pressure.select(1, last) / c.levels.full.back();
  const auto wind2 = (g.u_cos.select(1, last).square() + g.v_cos.select(1, last).square()) / c.cos2;
  const auto t = temperature.select(1, last);
  const double share = c.planet.gas_constant / c.planet.gravity * c.levels.thickness.back() / c.levels.full.back();
  return options_.exchange_coefficient * (1 - kLandDrying * land_) * (wind2 + kMinWind2).sqrt() *
         (saturation(surface, ground_pressure) - humidity.select(1, last)).clamp_min(0) / (share * t);
}

torch::Tensor NaturePhysics::tendencies(const GridFields& g, double days) const {
  const bool loops = takes_loops(path_, g.temperature.size(1), {g.all, g.temperature, land_});
  return loops ? tendencies_fused(g, days) : tendencies_tensor(g, days);
}

torch::Tensor NaturePhysics::tendencies_tensor(const GridFields& g, double days) const {
  const auto& c = columns_;
  const auto log_p = g.pi.unsqueeze(1) + c.sigma.log();
  const auto temperature = g.temperature + c.planet.reference_temperature;
  auto heating = -cooling_ * (temperature - equilibrium(log_p, days));
  std::vector<torch::Tensor> parts{-drag_ * g.u_cos, -drag_ * g.v_cos};
  if (!g.humidity.defined()) {
    parts.push_back(heating);
    return at::stack(parts, 0);
  }
  const auto pressure = c.planet.base_pressure * log_p.exp();
  const auto humidity = g.humidity.clamp_min(0);
  const auto rain = condensation(temperature, pressure, humidity);
  heating = heating + c.planet.latent_heat / c.planet.heat_capacity * rain;
  auto moisture = at::matmul(mixing_, humidity.flatten(2)).view_as(humidity) - rain -
                  g.humidity.clamp_max(0) / (kFillHours * kHour);
  const auto source = evaporation(g, temperature, pressure, humidity, days).unsqueeze(1);
  const int64_t layers = c.levels.num_layers();
  moisture = at::cat({moisture.narrow(1, 0, layers - 1), moisture.narrow(1, layers - 1, 1) + source}, 1);
  parts.insert(parts.end(), {heating, moisture});
  return at::stack(parts, 0);
}

NaturePhysics::WaterFluxes NaturePhysics::water_fluxes(const GridFields& g, double days) const {
  const auto& c = columns_;
  const auto log_p = g.pi.unsqueeze(1) + c.sigma.log();
  const auto temperature = g.temperature + c.planet.reference_temperature;
  const auto pressure = c.planet.base_pressure * log_p.exp();
  const auto humidity = g.humidity.clamp_min(0);
  const auto mass = g.pi.exp() * (c.planet.base_pressure / c.planet.gravity);  // of a column, kg m-2
  const auto rain = (condensation(temperature, pressure, humidity) * c.thickness).sum(1) * mass;
  const auto source = evaporation(g, temperature, pressure, humidity, days) * c.levels.thickness.back() * mass;
  return {rain, source};
}

}  // namespace pear::forecast
