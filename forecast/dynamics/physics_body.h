// Physics for a few longitudes of one row and all layers: plain loops that the compiler turns into vectors. The
// formulas are those of the tensor paths in held_suarez.cpp and nature_physics.cpp. Included once per instruction set
// (Highway's guard), so there is no `#pragma once`.
#if defined(PEAR_FORECAST_DYNAMICS_PHYSICS_BODY_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PEAR_FORECAST_DYNAMICS_PHYSICS_BODY_H_
#undef PEAR_FORECAST_DYNAMICS_PHYSICS_BODY_H_
#else
#define PEAR_FORECAST_DYNAMICS_PHYSICS_BODY_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "forecast/dynamics/fused_block.h"
#include "forecast/dynamics/grid_views.h"

HWY_BEFORE_NAMESPACE();
namespace pear::forecast::HWY_NAMESPACE {

template <class T>
HWY_INLINE void copy_row(const T* from, T factor, T* to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] = factor * from[i];
}

/// Drag and relaxation of one layer.
template <class T, bool kLand>
HWY_INLINE void relax_layer(const PhysicsView<T>& v, int64_t k, int64_t row, int64_t at, const T* pi, const T* land,
                            const T* exner, int64_t count) {
  const PhysicsLayer<T> l = v.layer[k];
  const PhysicsRow<T> r = v.row[row];
  const T cooling = v.cooling[k * v.rows + row], reference = v.reference, coldest = v.coldest;
  const T base = r.flat - r.stability * l.log_sigma, season = r.land_season * l.land_season;
  const T *u = v.u + at, *w = v.v + at, *t = v.temperature + at;
  T *fu = v.force_u + at, *fv = v.force_v + at, *heating = v.heating + at;
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T ground = kLand ? land[i] : T(0);
    const T warm = (base - season * ground - r.stability * pi[i]) * (l.power * exner[i]);
    const T equilibrium = warm < coldest ? coldest : warm;
    const T drag = l.drag_sea + l.drag_land * ground;
    fu[i] = -drag * u[i];
    fv[i] = -drag * w[i];
    heating[i] = -cooling * (t[i] + reference - equilibrium);
  }
}

/// Condensation, mixing and filling of one layer; `vapour` is the saturated vapour pressure and `surface` ps.
template <class T>
HWY_INLINE void water_layer(const PhysicsView<T>& v, const WaterConstants<T>& c, int64_t k, int64_t at, int64_t stride,
                            const T* vapour, const T* surface, int64_t count) {
  const PhysicsLayer<T> l = v.layer[k];
  const T share = c.max_vapour_share, time = c.condensation_time, latent = c.latent, warming = c.heating;
  const T fill = 1 / c.fill_time, reference = v.reference;
  const T *t = v.temperature + at, *q = v.humidity + at;
  const T *q_up = k > 0 ? q - stride : q, *q_down = k + 1 < v.layers ? q + stride : q;
  T *heating = v.heating + at, *moistening = v.moistening + at;
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T kelvin = t[i] + reference, p = l.sigma * surface[i], most = share * p;
    const T e = vapour[i] < most ? vapour[i] : most;
    const T saturated = T(0.622) * e / (p - T(0.378) * e);
    const T own = q[i] > 0 ? q[i] : T(0), up = q_up[i] > 0 ? q_up[i] : T(0), down = q_down[i] > 0 ? q_down[i] : T(0);
    const T excess = own - l.critical * saturated;
    const T kelvin2 = kelvin * kelvin;
    const T rain = (excess > 0 ? excess : T(0)) * kelvin2 / (time * (kelvin2 + l.critical * latent * saturated));
    heating[i] += warming * rain;
    moistening[i] = l.mix_own * own + l.mix_upper * up + l.mix_lower * down - rain - (q[i] - own) * fill;
  }
}

/// Evaporation into the lowest layer.
template <class T, class Root>
HWY_INLINE void evaporate(const PhysicsView<T>& v, const WaterConstants<T>& c, int64_t row, int64_t at,
                          const T* surface, const T* land, int64_t count, Root root) {
  const PhysicsRow<T> r = v.row[row];
  const T *t = v.temperature + at, *q = v.humidity + at, *u = v.u + at, *w = v.v + at;
  T* moistening = v.moistening + at;
  alignas(64) T speed[kBlock] = {};
  for (int64_t i = 0; i < count; ++i) speed[i] = (u[i] * u[i] + w[i] * w[i]) * r.inverse_cos2 + c.min_wind2;
  root(speed, count);
  const T exchange = c.exchange, land_exchange = c.land_exchange, share = c.max_vapour_share, reference = v.reference;
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T most = share * surface[i], e = r.ground_vapour < most ? r.ground_vapour : most;
    const T saturated = T(0.622) * e / (surface[i] - T(0.378) * e);
    const T deficit = saturated - (q[i] > 0 ? q[i] : T(0));
    moistening[i] +=
        (exchange - land_exchange * land[i]) * speed[i] * (deficit > 0 ? deficit : T(0)) / (t[i] + reference);
  }
}

/// One block: `exponential` and `root` replace a row of kBlock values.
template <class T, bool kLand, bool kWater, class Exp, class Root>
HWY_INLINE void block_physics(const PhysicsView<T>& v, const WaterConstants<T>& c, int64_t member, int64_t row,
                              int64_t first, int64_t count, Exp exponential, Root root) {
  const int64_t stride = v.rows * v.columns, in_layer = row * v.columns + first;
  int64_t at = member * v.layers * stride + in_layer;
  const T *pi = v.pi + member * stride + in_layer, *land = kLand ? v.land + in_layer : pi;
  alignas(64) T exner[kBlock] = {}, surface[kBlock] = {}, vapour[kBlock] = {};
  copy_row(pi, v.kappa, exner, count);
  exponential(exner, count);
  if constexpr (kWater) {
    copy_row(pi, T(1), surface, count);
    exponential(surface, count);
    copy_row(surface, v.base_pressure, surface, count);
  }
  for (int64_t k = 0; k < v.layers; ++k, at += stride) {
    relax_layer<T, kLand>(v, k, row, at, pi, land, exner, count);
    if constexpr (kWater) {
      for (int64_t i = 0; i < count; ++i) {
        const T kelvin = v.temperature[at + i] + v.reference;
        vapour[i] = T(17.27) * (kelvin - T(273.16)) / (kelvin - T(35.86));
      }
      exponential(vapour, count);
      copy_row(vapour, T(610.78), vapour, count);
      water_layer(v, c, k, at, stride, vapour, surface, count);
    } else if (v.moistening) {
      for (int64_t i = 0; i < count; ++i) v.moistening[at + i] = 0;
    }
  }
  if constexpr (kWater) evaporate(v, c, row, at - stride, surface, land, count, root);
}

template <class T, bool kLand, bool kWater, class Exp, class Root>
HWY_INLINE void all_physics(const PhysicsView<T>& v, const WaterConstants<T>& c, Exp exponential, Root root) {
  for (int64_t b = 0; b < v.members; ++b)
    for (int64_t row = 0; row < v.rows; ++row)
      for (int64_t first = 0; first < v.columns; first += kBlock) {
        const int64_t count = v.columns - first < kBlock ? v.columns - first : kBlock;
        block_physics<T, kLand, kWater>(v, c, b, row, first, count, exponential, root);
      }
}

}  // namespace pear::forecast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
