// Between whole rows of longitudes and the four quarters that symmetric functions need.
#pragma once

#include <cstdint>

namespace pear::sphere {

/// Quarters of `num_rows` rows, each [num_rows, num_columns / 4 + 1]: cos even, cos odd, sin even, sin odd orders.
template <class T>
struct Quarters {
  T *cos_even, *cos_odd, *sin_even, *sin_odd;
};

/// Values at every longitude from sums over each kind of function at the first quarter of the longitudes.
template <class T>
void unfold_rows(const Quarters<const T>& quarters, T* columns, int64_t num_rows, int64_t num_columns);

/// Adjoint of unfold_rows, with each longitude counted once.
template <class T>
void fold_rows(const T* columns, const Quarters<T>& quarters, int64_t num_rows, int64_t num_columns);

}  // namespace pear::sphere
