#include "sphere/harmonics/fold.h"

namespace pear::sphere {
namespace {

template <class T>
void unfold_row(const T* __restrict a, const T* __restrict b, const T* __restrict c, const T* __restrict d,
                T* __restrict row, int64_t quarter) {
  const int64_t half = 2 * quarter, whole = 4 * quarter;
  row[0] = a[0] + b[0];
  row[half] = a[0] - b[0];
  for (int64_t q = 1; q < quarter; ++q) {
    const T even = a[q] + b[q], odd = c[q] + d[q - 1], even_far = a[q] - b[q], odd_far = c[q] - d[q - 1];
    row[q] = even + odd;
    row[whole - q] = even - odd;
    row[half + q] = even_far + odd_far;
    row[half - q] = even_far - odd_far;
  }
  row[quarter] = a[quarter] + d[quarter - 1];
  row[half + quarter] = a[quarter] - d[quarter - 1];
}

template <class T>
void fold_row(const T* __restrict row, T* __restrict a, T* __restrict b, T* __restrict c, T* __restrict d,
              int64_t quarter) {
  const int64_t half = 2 * quarter, whole = 4 * quarter;
  a[0] = row[0] + row[half];
  b[0] = row[0] - row[half];
  c[0] = 0;
  for (int64_t q = 1; q < quarter; ++q) {
    const T even = row[q] + row[whole - q], odd = row[q] - row[whole - q];
    const T even_far = row[half + q] + row[half - q], odd_far = row[half + q] - row[half - q];
    a[q] = even + even_far;
    b[q] = even - even_far;
    c[q] = odd + odd_far;
    d[q - 1] = odd - odd_far;
  }
  a[quarter] = row[quarter] + row[half + quarter];
  d[quarter - 1] = row[quarter] - row[half + quarter];
}

}  // namespace

template <class T>
void unfold_rows(const Quarters<const T>& quarters, T* columns, int64_t num_rows, int64_t num_columns) {
  const int64_t quarter = num_columns / 4;
  for (int64_t r = 0; r < num_rows; ++r) {
    const int64_t at = r * quarter;
    unfold_row(quarters.cos_even + at + r, quarters.cos_odd + at, quarters.sin_even + at, quarters.sin_odd + at,
               columns + r * num_columns, quarter);
  }
}

template <class T>
void fold_rows(const T* columns, const Quarters<T>& quarters, int64_t num_rows, int64_t num_columns) {
  const int64_t quarter = num_columns / 4;
  for (int64_t r = 0; r < num_rows; ++r) {
    const int64_t at = r * quarter;
    fold_row(columns + r * num_columns, quarters.cos_even + at + r, quarters.cos_odd + at, quarters.sin_even + at,
             quarters.sin_odd + at, quarter);
  }
}

template void unfold_rows(const Quarters<const float>&, float*, int64_t, int64_t);
template void unfold_rows(const Quarters<const double>&, double*, int64_t, int64_t);
template void fold_rows(const float*, const Quarters<float>&, int64_t, int64_t);
template void fold_rows(const double*, const Quarters<double>&, int64_t, int64_t);

}  // namespace pear::sphere
