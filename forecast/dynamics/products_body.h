// Products of the primitive equations on the grid for a few longitudes of one row and all layers: plain loops that the
// compiler turns into vectors. The equations are those of PrimitiveEquations::products_tensor.
// Included once per instruction set (Highway's guard), so there is no `#pragma once`.
#if defined(PEAR_FORECAST_DYNAMICS_PRODUCTS_BODY_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PEAR_FORECAST_DYNAMICS_PRODUCTS_BODY_H_
#undef PEAR_FORECAST_DYNAMICS_PRODUCTS_BODY_H_
#else
#define PEAR_FORECAST_DYNAMICS_PRODUCTS_BODY_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "forecast/dynamics/fused_block.h"
#include "forecast/dynamics/grid_views.h"

HWY_BEFORE_NAMESPACE();
namespace pear::forecast::HWY_NAMESPACE {

/// A block of all layers in the first cache. The fields are read from memory only once: layers lie a power of two apart
/// on many grids and would push each other out of the caches.
template <class T>
struct ColumnSums {
  LayerBlock<T> u, v, divergence, temperature, humidity;
  LayerBlock<T> advection, above;  ///< v . grad(pi); sum of layer masses down to the layer, it included
  T below[4][kBlock];              ///< sdot (X_{k+1} - X_k) at the lower half level: u, v, T', q
  T geopotential[kBlock];          ///< of the virtual excess in the layers below
};

template <class T, bool kMoist>
HWY_INLINE void sum_columns(const ProductsView<T>& v, ColumnSums<T>& s, int64_t at, int64_t stride, const T* px,
                            const T* py, T inverse_cos2, int64_t count) {
  for (int64_t k = 0; k < v.layers; ++k, at += stride) {
    const T *u = v.u + at, *w = v.v + at, *d = v.divergence + at, *t = v.temperature + at;
    const T *q = kMoist ? v.humidity + at : t, *before = s.above[k > 0 ? k - 1 : 0];
    const T thickness = v.thickness[k], keep = k > 0 ? T(1) : T(0);
    T *advection = s.advection[k], *above = s.above[k], *own_u = s.u[k], *own_v = s.v[k], *own_d = s.divergence[k];
    T *own_t = s.temperature[k], *own_q = s.humidity[k];
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) {
      advection[i] = (u[i] * px[i] + w[i] * py[i]) * inverse_cos2;
      above[i] = keep * before[i] + (d[i] + advection[i]) * thickness;
      own_u[i] = u[i], own_v[i] = w[i], own_d[i] = d[i], own_t[i] = t[i];
      if constexpr (kMoist) own_q[i] = q[i];
    }
  }
}

/// One layer; layers are taken from the ground up, so that fluxes and geopotential of the layer below are at hand.
template <class T, bool kMoist, bool kPhysics>
HWY_INLINE void layer_products(const ProductsView<T>& view, ColumnSums<T>& s, int64_t k, int64_t at, int64_t row,
                               const T* px, const T* py, int64_t count) {
  const ProductsView<T> v = view;  // a copy: stores cannot change it
  const T inverse_cos2 = 1 / v.cos2[row], coriolis = v.coriolis[row], half_inverse = T(0.5) / v.thickness[k];
  const T upper_half = v.upper_half[k], log_share = v.log_ratio[k] / v.thickness[k];
  const T alpha = v.alpha[k], alpha_share = alpha / v.thickness[k], keep = k > 0 ? T(1) : T(0);
  const T log_ratio = v.log_ratio[k], gas = v.gas_constant;
  const T *total = s.above[v.layers - 1], *before = s.above[k > 0 ? k - 1 : 0], *above = s.above[k];
  const T* advection = s.advection[k];
  const int64_t up = k > 0 ? k - 1 : 0;
  const T *u = s.u[k], *w = s.v[k], *t = s.temperature[k], *d = s.divergence[k], *q = s.humidity[k];
  const T *u_up = s.u[up], *w_up = s.v[up], *t_up = s.temperature[up], *q_up = s.humidity[up], *z = v.vorticity + at;
  const T *fu = kPhysics ? v.force_u + at : u, *fv = kPhysics ? v.force_v + at : u;
  const T *ft = kPhysics ? v.heating + at : u, *fq = kPhysics && kMoist ? v.moistening + at : u;
  T *au = v.au + at, *av = v.av + at, *ut = v.ut + at, *vt = v.vt + at;
  T *uq = kMoist ? v.uq + at : au, *vq = kMoist ? v.vq + at : au, *source_q = kMoist ? v.source_q + at : au;
  T *energy = v.energy + at, *source_t = v.source_t + at;
  T *below_u = s.below[0], *below_v = s.below[1], *below_t = s.below[2], *below_q = s.below[3];
  T* geopotential = s.geopotential;
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T higher = keep * before[i], mass = above[i] - higher;
    const T sdot = upper_half * total[i] - higher;  // at the upper half level; 0 at the top
    const T flux_u = sdot * (u[i] - u_up[i]), flux_v = sdot * (w[i] - w_up[i]), flux_t = sdot * (t[i] - t_up[i]);
    const T omega = advection[i] - log_share * higher - alpha_share * mass;
    T tv = t[i], kinetic = T(0.5) * (u[i] * u[i] + w[i] * w[i]) * inverse_cos2;
    if constexpr (kMoist) {
      const T excess = v.virtual_factor * q[i] * (t[i] + v.reference);
      tv += excess;
      kinetic += gas * alpha * excess + geopotential[i];
      geopotential[i] += gas * log_ratio * excess;
    }
    const T absolute = z[i] + coriolis;
    T force_u = absolute * w[i] - gas * tv * px[i] - (below_u[i] + flux_u) * half_inverse;
    T force_v = -absolute * u[i] - gas * tv * py[i] - (below_v[i] + flux_v) * half_inverse;
    T heat = t[i] * d[i] - (below_t[i] + flux_t) * half_inverse + v.kappa * (tv + v.reference) * omega;
    if constexpr (kPhysics) force_u += fu[i], force_v += fv[i], heat += ft[i];
    au[i] = force_u * inverse_cos2;
    av[i] = force_v * inverse_cos2;
    ut[i] = u[i] * t[i] * inverse_cos2;
    vt[i] = w[i] * t[i] * inverse_cos2;
    energy[i] = kinetic;
    source_t[i] = heat;
    below_u[i] = flux_u, below_v[i] = flux_v, below_t[i] = flux_t;
    if constexpr (kMoist) {
      const T flux_q = sdot * (q[i] - q_up[i]);
      T vapour = q[i] * d[i] - (below_q[i] + flux_q) * half_inverse;
      if constexpr (kPhysics) vapour += fq[i];
      uq[i] = u[i] * q[i] * inverse_cos2;
      vq[i] = w[i] * q[i] * inverse_cos2;
      source_q[i] = vapour;
      below_q[i] = flux_q;
    }
  }
}

template <class T, bool kMoist, bool kPhysics>
HWY_INLINE void block_products(const ProductsView<T>& v, int64_t member, int64_t row, int64_t first, int64_t count) {
  ColumnSums<T> s;
  const int64_t stride = v.rows * v.columns, in_layer = row * v.columns + first, at = member * v.layers * stride;
  const int64_t surface = member * stride + in_layer;
  const T *px = v.px + surface, *py = v.py + surface;
  for (int64_t i = 0; i < kBlock; ++i) s.above[0][i] = 0, s.geopotential[i] = 0;
  for (auto& below : s.below)
    for (T& value : below) value = 0;
  sum_columns<T, kMoist>(v, s, at + in_layer, stride, px, py, 1 / v.cos2[row], count);
  for (int64_t k = v.layers - 1; k >= 0; --k)
    layer_products<T, kMoist, kPhysics>(v, s, k, at + k * stride + in_layer, row, px, py, count);
  for (int64_t i = 0; i < count; ++i) v.pressure[surface + i] = -s.above[v.layers - 1][i];
}

template <class T, bool kMoist, bool kPhysics>
HWY_INLINE void all_products(const ProductsView<T>& v) {
  for (int64_t b = 0; b < v.members; ++b)
    for (int64_t row = 0; row < v.rows; ++row)
      for (int64_t first = 0; first < v.columns; first += kBlock)
        block_products<T, kMoist, kPhysics>(v, b, row, first, v.columns - first < kBlock ? v.columns - first : kBlock);
}

}  // namespace pear::forecast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
