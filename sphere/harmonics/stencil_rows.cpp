#include "sphere/harmonics/stencil_rows.h"

#include <algorithm>

namespace pear::sphere {
namespace {

template <class T>
void turn(const T* __restrict phase, const T* __restrict x, T scale, T* __restrict out, int64_t count) {
  for (int64_t j = 0; j < count; ++j) out[j] = scale * phase[j] * x[j];
}

template <class T>
void add_neighbours(const T* __restrict up, const T* __restrict down, const T* __restrict y, T scale, T* __restrict out,
                    int64_t count) {
  out[0] += scale * (up[0] * y[1]);
  for (int64_t j = 1; j < count - 1; ++j) out[j] += scale * (up[j] * y[j + 1] + down[j] * y[j - 1]);
  out[count - 1] += scale * (down[count - 1] * y[count - 2]);
}

}  // namespace

template <class T>
void apply_stencil_rows(const StencilRows<T>& s, T* out, int64_t truncation, int64_t num_fields) {
  const int64_t degrees = truncation + 2;
  for (int64_t m = 0; m <= truncation; ++m) {
    const int64_t count = degrees - m;  // at least 2
    for (int64_t part = 0; part < 2; ++part)
      for (int64_t f = 0; f < num_fields; ++f) {
        const int64_t at = ((m * 2 + part) * num_fields + f) * degrees;
        const int64_t other = ((m * 2 + 1 - part) * num_fields + f) * degrees;
        if (s.x) turn(s.phase + (m * 2 + part) * degrees, s.x + other, s.scale_x, out + at, count);
        std::fill(out + at + (s.x ? count : 0), out + at + degrees, T(0));
        if (s.y) add_neighbours(s.up + m * degrees, s.down + m * degrees, s.y + at, s.scale_y, out + at, count);
      }
  }
}

template void apply_stencil_rows(const StencilRows<float>&, float*, int64_t, int64_t);
template void apply_stencil_rows(const StencilRows<double>&, double*, int64_t, int64_t);

}  // namespace pear::sphere
