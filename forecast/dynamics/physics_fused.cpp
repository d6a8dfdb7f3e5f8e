#include "forecast/dynamics/physics_fused.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>

#include <cmath>

#include "base/error.h"
#include "forecast/dynamics/grid_kernel.h"

namespace pear::forecast {
namespace {

template <class T>
PhysicsLayer<T> round(const PhysicsLayer<double>& l) {
  const auto r = [](double x) { return static_cast<T>(x); };
  return {r(l.log_sigma),   r(l.power),    r(l.sigma),     r(l.drag_sea), r(l.drag_land),
          r(l.land_season), r(l.critical), r(l.mix_upper), r(l.mix_own),  r(l.mix_lower)};
}

template <class T>
PhysicsRow<T> round(const PhysicsRow<double>& l) {
  const auto r = [](double x) { return static_cast<T>(x); };
  return {r(l.flat), r(l.land_season), r(l.stability), r(l.inverse_cos2), r(l.ground_vapour)};
}

template <class T>
WaterConstants<T> round(const WaterConstants<double>& c) {
  const auto r = [](double x) { return static_cast<T>(x); };
  return {r(c.latent),   r(c.heating),       r(c.condensation_time), r(c.fill_time),
          r(c.exchange), r(c.land_exchange), r(c.min_wind2),         r(c.max_vapour_share)};
}

template <class T, template <class> class Item>
std::vector<Item<T>> round(const std::vector<Item<double>>& items) {
  std::vector<Item<T>> rounded;
  for (const auto& item : items) rounded.push_back(round<T>(item));
  return rounded;
}

}  // namespace

PhysicsTables::PhysicsTables(const GridColumns& columns) : planet(columns.planet) {
  for (const double sigma : columns.levels.full) {
    PhysicsLayer<double> layer{};
    layer.sigma = sigma, layer.log_sigma = std::log(sigma), layer.power = std::pow(sigma, planet.kappa());
    layers.push_back(layer);
  }
  const auto sines = columns.sin_lat.to(torch::kCPU, torch::kFloat64).flatten().contiguous();
  for (int64_t r = 0; r < sines.numel(); ++r) {
    const double sine = sines.const_data_ptr<double>()[r];
    PhysicsRow<double> row{};
    row.inverse_cos2 = 1 / (1 - sine * sine);
    rows.push_back(row);
  }
}

torch::Tensor physics_fused(const PhysicsTables& tables, const GridFields& g) {
  const bool moist = g.humidity.defined();
  const auto t = g.temperature.contiguous(), u = g.u_cos.contiguous(), v = g.v_cos.contiguous(), pi = g.pi.contiguous();
  const auto q = moist ? g.humidity.contiguous() : g.humidity;
  PEAR_ASSERT(t.dim() == 5 && t.size(1) == static_cast<int64_t>(tables.layers.size()));
  const int64_t rows = 2 * t.size(3), columns = t.size(4);
  PEAR_ASSERT(rows == static_cast<int64_t>(tables.rows.size()) && tables.cooling.numel() == t.size(1) * rows);
  if (tables.land.defined()) PEAR_ASSERT(tables.land.numel() == rows * columns);
  const auto out = at::empty({moist ? 4 : 3, t.size(0), t.size(1), 2, t.size(3), columns}, t.options());
  AT_DISPATCH_FLOATING_TYPES(t.scalar_type(), "physics", [&] {
    using T = scalar_t;
    const auto data = [](const torch::Tensor& x) { return x.defined() ? x.const_data_ptr<T>() : nullptr; };
    const auto layers = round<T>(tables.layers);
    const auto row_factors = round<T>(tables.rows);
    T* forces = out.data_ptr<T>();
    const int64_t size = t.numel();
    const PhysicsView<T> view{.members = t.size(0),
                              .layers = t.size(1),
                              .rows = rows,
                              .columns = columns,
                              .temperature = data(t),
                              .humidity = data(q),
                              .u = data(u),
                              .v = data(v),
                              .pi = data(pi),
                              .land = data(tables.land),
                              .force_u = forces,
                              .force_v = forces + size,
                              .heating = forces + 2 * size,
                              .moistening = moist ? forces + 3 * size : nullptr,
                              .cooling = data(tables.cooling),
                              .layer = layers.data(),
                              .row = row_factors.data(),
                              .kappa = static_cast<T>(tables.planet.kappa()),
                              .reference = static_cast<T>(tables.planet.reference_temperature),
                              .base_pressure = static_cast<T>(tables.planet.base_pressure),
                              .coldest = static_cast<T>(tables.coldest)};
    if (tables.water)
      relax_and_rain(view, round<T>(*tables.water));
    else
      relax(view);
  });
  return out;
}

}  // namespace pear::forecast
