// Fused loops over spherical harmonics, compiled for several instruction sets and chosen at run time.
#pragma once

#include "forecast/dynamics/spectral_views.h"

namespace pear::forecast {

/// Every function exists for float and double.
template <class T>
void prepare_fields(const FieldsView<T>& view);
template <class T>
void finish_tendencies(const TendencyView<T>& view);
template <class T>
void advance_leapfrog(const LeapfrogView<T>& view);

/// Filter against splitting: with d = nu / 2 (p - 2 n + x), now_out = n + alpha d and next_out = x - (1 - alpha) d.
template <class T>
struct FilterView {
  const T *previous, *now, *next;
  T *now_out, *next_out;
  int64_t count;
  T half_filter, balance;
};
template <class T>
void filter_levels(const FilterView<T>& view);

}  // namespace pear::forecast
