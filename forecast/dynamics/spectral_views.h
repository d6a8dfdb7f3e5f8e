// What the fused loops over spherical harmonics read and write.
#pragma once

#include <cstdint>

namespace pear::forecast {

/// Factors of SpectralStencil: phase [N+1, 2, J], up and down [N+1, J].
template <class T>
struct StencilView {
  const T *phase, *up, *down;
};

/// From one time level to the fields that go to the grid.
/// Shapes: upper [N+1, 2, F, B, K, J], log_pressure [N+1, 2, B, J] -> out [N+1, 2, F B K + 2 B K + 3 B, J].
template <class T>
struct FieldsView {
  int64_t orders, fields, members, layers, degrees;
  const T *upper, *log_pressure;
  T* out;
  StencilView<T> wind, gradient;
  T radius;
};

/// From analysed products to tendencies.
/// Shapes: products [N+1, 2, n, J] in the order of PrimitiveEquations::products_tensor; temperature and log_pressure:
/// the
///         state's, temperature in the first field of [N+1, 2, B, K, J] with `state_stride` from part to part; surface
///         [N+1, 2, J] or null; upper [N+1, 2, F, B, K, J], pressure [N+1, 2, B, J].
template <class T>
struct TendencyView {
  int64_t orders, fields, members, layers, degrees, state_stride;
  const T *products, *temperature, *log_pressure, *surface;
  T *upper, *pressure;
  StencilView<T> divergence;
  const T* laplacian;          ///< [N+1, J], on the unit sphere
  const T *log_ratio, *alpha;  ///< [K]
  T radius, gas_constant, reference;
};

/// One semi-implicit step. Shapes: as PrimitiveState; laplacian, diffusion [N+1, J]; vectors, inverse [K, K]; the rest
/// [K].
template <class T>
struct LeapfrogView {
  int64_t orders, fields, members, layers, degrees;
  const T *previous, *now, *tendency, *previous_pi, *now_pi, *tendency_pi;
  T *next, *next_pi;
  const T *laplacian, *diffusion;
  const T *vectors, *inverse, *speeds2, *pressure_slope;
  const T *thickness, *hydrostatic_own, *hydrostatic_below, *heating_own, *heating_above;
  T gas_reference, implicit_weight, tau;
};

}  // namespace pear::forecast
