// Loops over orders, parts, fields and layers, degrees innermost: what lies between the transforms in spectral space.
// Included once per instruction set (Highway's guard), so there is no `#pragma once`.
#if defined(PEAR_FORECAST_DYNAMICS_SPECTRAL_BODY_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PEAR_FORECAST_DYNAMICS_SPECTRAL_BODY_H_
#undef PEAR_FORECAST_DYNAMICS_SPECTRAL_BODY_H_
#else
#define PEAR_FORECAST_DYNAMICS_SPECTRAL_BODY_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

#include "forecast/dynamics/spectral_views.h"

HWY_BEFORE_NAMESPACE();
namespace pear::forecast::HWY_NAMESPACE {

/// out = a i phase x + b (up y_{l+1} + down y_{l-1}) + c z for `count` degrees, zero up to `degrees`. x is the other
/// part (re, im) of its field. z may be null. y has a readable value after the last one.
template <class T, bool kAdd>
HWY_INLINE void stencil_row(const T* phase, const T* up, const T* down, const T* x, T a, const T* y, T b, const T* z,
                            T* out, int64_t count, int64_t degrees) {
  out[0] = a * phase[0] * x[0] + b * (up[0] * y[1]) + (kAdd ? z[0] : T(0));
#pragma GCC ivdep
  for (int64_t j = 1; j < count; ++j)
    out[j] = a * phase[j] * x[j] + b * (up[j] * y[j + 1] + down[j] * y[j - 1]) + (kAdd ? z[j] : T(0));
  for (int64_t j = count; j < degrees; ++j) out[j] = 0;
}

template <class T>
HWY_INLINE void copy_values(const T* from, T* to, int64_t count) {
  std::memcpy(to, from, static_cast<size_t>(count) * sizeof(T));
}

/// Wind and pressure gradient of one order and part, after a copy of the prognostic fields.
template <class T>
HWY_INLINE void prepare_order(const FieldsView<T>& v, int64_t m, int64_t part) {
  const int64_t layers = v.members * v.layers, field = layers * v.degrees, upper = v.fields * field;
  const int64_t surface = v.members * v.degrees, at = m * 2 + part, other = m * 2 + 1 - part;
  const int64_t count = v.degrees - m, table = m * v.degrees;
  const T *phase = v.wind.phase + at * v.degrees, *up = v.wind.up + table, *down = v.wind.down + table;
  const T *own = v.upper + at * upper, *turned = v.upper + other * upper;
  T* out = v.out + at * (upper + 2 * field + 3 * surface);
  copy_values(own, out, upper);
  out += upper;
  for (int64_t r = 0; r < layers; ++r) {
    const int64_t row = r * v.degrees, divergence = field + row;
    stencil_row<T, false>(phase, up, down, turned + divergence, v.radius, own + row, v.radius, own, out + row, count,
                          v.degrees);
    stencil_row<T, false>(phase, up, down, turned + row, v.radius, own + divergence, -v.radius, own, out + field + row,
                          count, v.degrees);
  }
  out += 2 * field;
  own = v.log_pressure + at * surface, turned = v.log_pressure + other * surface;
  copy_values(own, out, surface);
  phase = v.gradient.phase + at * v.degrees, up = v.gradient.up + table, down = v.gradient.down + table;
  const T inverse = 1 / v.radius;
  for (int64_t row = 0; row < surface; row += v.degrees) {
    stencil_row<T, false>(phase, up, down, turned + row, inverse, own + row, T(0), own, out + surface + row, count,
                          v.degrees);
    stencil_row<T, false>(phase, up, down, turned + row, T(0), own + row, inverse, own, out + 2 * surface + row, count,
                          v.degrees);
  }
}

/// Divergence tendency: div(A) - laplacian(energy + G T' + R Tref pi + Phi_s). `below` holds the geopotential of the
/// layers below and takes that of this one.
template <class T>
HWY_INLINE void divergence_row(const TendencyView<T>& v, const T* phase, const T* up, const T* down, const T* au_turned,
                               const T* av, const T* energy, const T* temperature, const T* pi, const T* surface,
                               const T* laplacian, int64_t k, T* below, T* out, int64_t count) {
  const T inverse = 1 / v.radius, inverse2 = inverse * inverse, gas_reference = v.gas_constant * v.reference;
  const T own = v.gas_constant * v.alpha[k], deeper = v.gas_constant * v.log_ratio[k];
  stencil_row<T, false>(phase, up, down, au_turned, inverse, av, inverse, av, out, count, v.degrees);
#pragma GCC ivdep
  for (int64_t j = 0; j < count; ++j) {
    const T potential = energy[j] + own * temperature[j] + below[j] + gas_reference * pi[j] + surface[j];
    out[j] -= laplacian[j] * inverse2 * potential;
    below[j] += deeper * temperature[j];
  }
}

/// All tendencies of one order, part and member; `below` [J] is scratch, `flat` [J] zeros.
template <class T>
HWY_INLINE void finish_order(const TendencyView<T>& v, int64_t m, int64_t part, int64_t member, T* below,
                             const T* flat) {
  const bool moist = v.fields > 3;
  const int64_t field = v.members * v.layers * v.degrees, at = m * 2 + part, other = m * 2 + 1 - part;
  const int64_t products = (moist ? 9 : 6) * field + v.members * v.degrees, count = v.degrees - 1 - m;
  const T *own = v.products + at * products, *turned = v.products + other * products;
  T* upper = v.upper + at * v.fields * field;
  const T *phase = v.divergence.phase + at * v.degrees, *up = v.divergence.up + m * v.degrees;
  const T *down = v.divergence.down + m * v.degrees, *laplacian = v.laplacian + m * v.degrees;
  const T* pi = v.log_pressure + (at * v.members + member) * v.degrees;
  const T* surface = v.surface ? v.surface + at * v.degrees : flat;
  const int64_t energy = (moist ? 6 : 4) * field, heating = energy + field, moistening = heating + field;
  const T inverse = 1 / v.radius;
  for (int64_t j = 0; j < count; ++j) below[j] = 0;
  for (int64_t k = v.layers - 1; k >= 0; --k) {
    const int64_t row = (member * v.layers + k) * v.degrees, u = row, w = field + row;
    stencil_row<T, false>(phase, up, down, turned + w, inverse, own + u, -inverse, own, upper + row, count, v.degrees);
    divergence_row(v, phase, up, down, turned + u, own + w, own + energy + row,
                   v.temperature + at * v.state_stride + row, pi, surface, laplacian, k, below, upper + field + row,
                   count);
    stencil_row<T, true>(phase, up, down, turned + 2 * field + row, -inverse, own + 3 * field + row, -inverse,
                         own + heating + row, upper + 2 * field + row, count, v.degrees);
    if (moist)
      stencil_row<T, true>(phase, up, down, turned + 4 * field + row, -inverse, own + 5 * field + row, -inverse,
                           own + moistening + row, upper + 3 * field + row, count, v.degrees);
  }
  const T* pressure = own + (moist ? 9 : 6) * field + member * v.degrees;
  T* out = v.pressure + (at * v.members + member) * v.degrees;
  copy_values(pressure, out, count);
  for (int64_t j = count; j < v.degrees; ++j) out[j] = 0;
}

}  // namespace pear::forecast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
