// One semi-implicit step for one order, part, member and a block of degrees; the equations are those of
// SemiImplicitLeapfrog::advance_tensor. G and H are sums from one side, so only the vertical modes need whole matrices.
// Included once per instruction set (Highway's guard), so there is no `#pragma once`.
#if defined(PEAR_FORECAST_DYNAMICS_LEAPFROG_BODY_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PEAR_FORECAST_DYNAMICS_LEAPFROG_BODY_H_
#undef PEAR_FORECAST_DYNAMICS_LEAPFROG_BODY_H_
#else
#define PEAR_FORECAST_DYNAMICS_LEAPFROG_BODY_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "forecast/dynamics/fused_block.h"
#include "forecast/dynamics/spectral_views.h"

HWY_BEFORE_NAMESPACE();
namespace pear::forecast::HWY_NAMESPACE {

/// Rows are whole vectors: kBlock is a multiple of their length.
template <class T>
HWY_INLINE void multiply_layers(const T* matrix, const LayerBlock<T>& x, LayerBlock<T>& y, int64_t layers,
                                int64_t count) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::CappedTag<T, static_cast<size_t>(kBlock)> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < count; i += lanes)
    for (int64_t k = 0; k < layers; ++k) {
      auto sum = hn::Zero(d);
      for (int64_t l = 0; l < layers; ++l)
        sum = hn::MulAdd(hn::Set(d, matrix[k * layers + l]), hn::Load(d, x[l] + i), sum);
      hn::Store(sum, d, y[k] + i);
    }
}

/// Places of one order, part, member and first degree.
template <class T>
struct LeapfrogPlace {
  int64_t field, layer, base, surface, table, count;  ///< strides of fields and layers; offsets of the arrays
};

/// Temperature and pressure tendencies with the divergence of the leap's mean, and the right-hand side of its equation.
template <class T>
HWY_INLINE void explicit_part(const LeapfrogView<T>& view, const LeapfrogPlace<T>& p, LayerBlock<T>& heating,
                              T* pressure, LayerBlock<T>& right) {
  const LeapfrogView<T> v = view;
  const T ahead = v.implicit_weight * v.tau;
  T sum[kBlock] = {}, level[kBlock], below[kBlock] = {};
  for (int64_t k = 0; k < v.layers; ++k) {
    const int64_t divergence = p.base + p.field + k * p.layer, temperature = divergence + p.field;
    const T *now = v.now + divergence, *before = v.previous + divergence, *tendency = v.tendency + temperature;
    const T own = v.heating_own[k], above = v.heating_above[k], thickness = v.thickness[k];
    T* out = heating[k];
#pragma GCC ivdep
    for (int64_t i = 0; i < p.count; ++i) {
      const T change = now[i] - before[i];
      out[i] = tendency[i] + own * change + above * sum[i];
      sum[i] += thickness * change;
    }
  }
  const T *now_pi = v.now_pi + p.surface, *before_pi = v.previous_pi + p.surface, *dpi = v.tendency_pi + p.surface;
#pragma GCC ivdep
  for (int64_t i = 0; i < p.count; ++i) {
    pressure[i] = dpi[i] + sum[i];
    level[i] = v.gas_reference * (now_pi[i] - before_pi[i] - ahead * pressure[i]);
  }
  const T* laplacian = v.laplacian + p.table;
  for (int64_t k = v.layers - 1; k >= 0; --k) {
    const int64_t divergence = p.base + p.field + k * p.layer, temperature = divergence + p.field;
    const T *now = v.now + temperature, *before = v.previous + temperature, *tendency = v.tendency + divergence;
    const T own = v.hydrostatic_own[k], deeper = v.hydrostatic_below[k];
    const T* heat = heating[k];
    T* out = right[k];
#pragma GCC ivdep
    for (int64_t i = 0; i < p.count; ++i) {
      const T change = now[i] - before[i] - ahead * heat[i];
      out[i] = v.tau * (tendency[i] + laplacian[i] * (own * change + below[i] + level[i]));
      below[i] += deeper * change;
    }
  }
}

/// next = (previous + tau tendency) damping
template <class T>
HWY_INLINE void advance_row(const T* previous, const T* tendency, T tau, const T* damping, T* next, int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) next[i] = (previous[i] + tau * tendency[i]) * damping[i];
}

/// From the increment of divergence to the new time level, diffusion included.
template <class T>
HWY_INLINE void new_level(const LeapfrogView<T>& view, const LeapfrogPlace<T>& p, const LayerBlock<T>& heating,
                          const T* pressure, const LayerBlock<T>& increment) {
  const LeapfrogView<T> v = view;
  const T *diffusion = v.diffusion + p.table, *before_pi = v.previous_pi + p.surface;
  T sum[kBlock] = {}, damping[kBlock], *pi = v.next_pi + p.surface;
  for (int64_t i = 0; i < p.count; ++i) damping[i] = 1 / (1 + v.tau * diffusion[i]);
  for (int64_t k = 0; k < v.layers; ++k)
    for (int64_t i = 0; i < p.count; ++i) sum[i] += v.thickness[k] * increment[k][i];
  for (int64_t i = 0; i < p.count; ++i)
    pi[i] = before_pi[i] + v.tau * (pressure[i] - v.implicit_weight * sum[i]), sum[i] = 0;
  for (int64_t k = 0; k < v.layers; ++k) {
    const int64_t vorticity = p.base + k * p.layer, divergence = vorticity + p.field, t = divergence + p.field;
    const T *heat = heating[k], *change = increment[k], *before_t = v.previous + t, *before_d = v.previous + divergence;
    const T own = v.heating_own[k], above = v.heating_above[k], thickness = v.thickness[k];
    const T slope = v.pressure_slope[k];
    T *next_t = v.next + t, *next_d = v.next + divergence;
#pragma GCC ivdep
    for (int64_t i = 0; i < p.count; ++i) {
      const T level = slope * pi[i];
      const T warmed = before_t[i] + v.tau * (heat[i] - v.implicit_weight * (own * change[i] + above * sum[i]));
      next_t[i] = (warmed - level) * damping[i] + level;
      next_d[i] = (before_d[i] + change[i]) * damping[i];
      sum[i] += thickness * change[i];
    }
    advance_row(v.previous + vorticity, v.tendency + vorticity, v.tau, damping, v.next + vorticity, p.count);
    if (v.fields > 3) {
      const int64_t q = t + p.field;
      advance_row(v.previous + q, v.tendency + q, v.tau, damping, v.next + q, p.count);
    }
  }
}

template <class T>
HWY_INLINE void advance_block(const LeapfrogView<T>& v, const LeapfrogPlace<T>& p) {
  alignas(64) LayerBlock<T> heating, right, modes;
  alignas(64) T pressure[kBlock];
  for (int64_t k = 0; k < v.layers; ++k)
    for (T& value : right[k]) value = 0;  // whole vectors are read
  explicit_part(v, p, heating, pressure, right);
  multiply_layers(v.inverse, right, modes, v.layers, p.count);
  const T *laplacian = v.laplacian + p.table, ahead2 = v.implicit_weight * v.tau * v.implicit_weight * v.tau;
  for (int64_t k = 0; k < v.layers; ++k) {
    const T factor = ahead2 * v.speeds2[k];
    T* mode = modes[k];
#pragma GCC ivdep
    for (int64_t i = 0; i < p.count; ++i) mode[i] /= 1 - factor * laplacian[i];
  }
  multiply_layers(v.vectors, modes, right, v.layers, p.count);
  new_level(v, p, heating, pressure, right);
}

/// All degrees of one order, part and member; those beyond the truncation's triangle become zero.
template <class T>
HWY_INLINE void advance_order(const LeapfrogView<T>& v, int64_t m, int64_t part, int64_t member) {
  const int64_t layer = v.degrees, field = v.members * v.layers * layer, at = m * 2 + part;
  const int64_t base = at * v.fields * field + member * v.layers * layer, surface = (at * v.members + member) * layer;
  const int64_t valid = v.degrees - m;
  for (int64_t first = 0; first < valid; first += kBlock)
    advance_block(v, LeapfrogPlace<T>{field, layer, base + first, surface + first, m * v.degrees + first,
                                      valid - first < kBlock ? valid - first : kBlock});
  for (int64_t f = 0; f < v.fields; ++f)
    for (int64_t k = 0; k < v.layers; ++k)
      for (int64_t j = valid; j < v.degrees; ++j) v.next[base + f * field + k * layer + j] = 0;
  for (int64_t j = valid; j < v.degrees; ++j) v.next_pi[surface + j] = 0;
}

}  // namespace pear::forecast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
