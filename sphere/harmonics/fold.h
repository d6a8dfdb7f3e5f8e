// Between whole rows of longitudes and the four quarters that symmetric functions need.
#pragma once

#include <cstdint>

namespace pear::sphere {

/// Sums at the longitudes q = 0 .. Q = num_columns / 4, by order and kind of function; what is zero at an end is left
/// out, because matrix products of Q columns are faster than of Q + 1:
///   cos_even [num_rows, Q + 1]: q = 0 .. Q;  cos_odd, sin_even [num_rows, Q]: q = 0 .. Q - 1;  sin_odd [num_rows, Q]:
///   1 .. Q.
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
