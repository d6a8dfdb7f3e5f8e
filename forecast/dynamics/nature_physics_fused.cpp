// Tables that turn the fused loop into the nature run's physics.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "forecast/dynamics/nature_constants.h"
#include "forecast/dynamics/nature_physics.h"

namespace pear::forecast {

PhysicsTables NaturePhysics::tables() const {
  PhysicsTables t(columns_);
  const auto& p = columns_.planet;
  const auto& o = options_;
  t.land = land_;
  t.cooling = cooling_.expand({-1, 2, -1, 1}).contiguous();
  t.coldest = nature::kStratosphere;
  const auto mixing = mixing_matrix().to(torch::kCPU, torch::kFloat64);
  const int64_t last = columns_.levels.num_layers() - 1;
  const double sea = 1 / (o.drag_days_sea * nature::kDay), land = 1 / (o.drag_days_land * nature::kDay);
  for (int64_t k = 0; k <= last; ++k) {
    auto& layer = t.layers[static_cast<size_t>(k)];
    const double boundary = std::max(0.0, (layer.sigma - 0.7) / 0.3);
    layer.drag_sea = boundary * sea + (k == 0 ? 1 / (nature::kTopDragDays * nature::kDay) : 0);
    layer.drag_land = boundary * (land - sea);
    layer.land_season = std::max(0.0, (layer.sigma - 0.5) / 0.5);
    layer.critical = 0.60 + 0.35 * layer.sigma * layer.sigma;
    layer.mix_own = mixing[k][k].item<double>();
    layer.mix_upper = k > 0 ? mixing[k][k - 1].item<double>() : 0;
    layer.mix_lower = k < last ? mixing[k][k + 1].item<double>() : 0;
  }
  const double depth = p.gas_constant / p.gravity * columns_.levels.thickness.back() / columns_.levels.full.back();
  t.water = WaterConstants<double>{.latent = p.latent_heat * p.latent_heat / (p.heat_capacity * p.vapour_constant),
                                   .heating = p.latent_heat / p.heat_capacity,
                                   .condensation_time = o.condensation_hours * nature::kHour,
                                   .fill_time = nature::kFillHours * nature::kHour,
                                   .exchange = o.exchange_coefficient / depth,
                                   .land_exchange = nature::kLandDrying * o.exchange_coefficient / depth,
                                   .min_wind2 = nature::kMinWind2,
                                   .max_vapour_share = nature::kMinPressureShare};
  return t;
}

torch::Tensor NaturePhysics::tendencies_fused(const GridFields& g, double days) const {
  PhysicsTables t = tables_;
  const auto sines = columns_.sin_lat.to(torch::kCPU, torch::kFloat64).flatten().contiguous();
  const double sea = nature::kSeaSeason * nature::season(days, nature::kSeaLag);
  const double land = nature::kLandSeason * nature::season(days, nature::kLandLag);
  const double centre = nature::kCentreShift * nature::season(days, nature::kCentreLag);
  for (size_t r = 0; r < t.rows.size(); ++r) {
    auto& row = t.rows[r];
    const double sine = sines.const_data_ptr<double>()[r];
    row.flat = nature::kEquatorKelvin - options_.equator_pole_contrast * sine * sine - sea * sine;
    row.land_season = land * sine;
    row.stability = nature::kStaticKelvin / row.inverse_cos2;
    const double kelvin = nature::surface_kelvin(std::asin(sine) * (180 / std::numbers::pi), centre);
    row.ground_vapour = 610.78 * std::exp(17.27 * (kelvin - 273.16) / (kelvin - 35.86));
  }
  return physics_fused(t, g);
}

}  // namespace pear::forecast
