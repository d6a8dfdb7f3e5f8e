// One pass over memory for a stencil in degree; the tensor composition in degree_tables.cpp is its oracle.
#pragma once

#include <cstdint>

namespace pear::sphere {

/// Arrays as in SpectralStencil, contiguous; x and y [N+1, 2, num_fields, N+2], either may be null.
template <class T>
struct StencilRows {
  const T *phase, *up, *down;  ///< [N+1, 2, N+2], [N+1, N+2], [N+1, N+2]
  const T *x, *y;
  T scale_x, scale_y;
};

/// out = scale_x i phase x + scale_y (up y_{l+1} + down y_{l-1}); zero beyond degree N+1.
template <class T>
void apply_stencil_rows(const StencilRows<T>& stencil, T* out, int64_t truncation, int64_t num_fields);

}  // namespace pear::sphere
