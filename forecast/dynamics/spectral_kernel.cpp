#include "forecast/dynamics/spectral_kernel.h"

#include <vector>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "forecast/dynamics/spectral_kernel.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
#include "forecast/dynamics/leapfrog_body.h"
#include "forecast/dynamics/spectral_body.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace pear::forecast::HWY_NAMESPACE {

template <class T>
HWY_INLINE void prepare(const FieldsView<T>& v) {
  for (int64_t m = 0; m < v.orders; ++m)
    for (int64_t part = 0; part < 2; ++part) prepare_order(v, m, part);
}

template <class T>
HWY_INLINE void finish(const TendencyView<T>& v, T* below, const T* flat) {
  for (int64_t m = 0; m < v.orders; ++m)
    for (int64_t part = 0; part < 2; ++part)
      for (int64_t b = 0; b < v.members; ++b) finish_order(v, m, part, b, below, flat);
}

template <class T>
HWY_INLINE void leap(const LeapfrogView<T>& v) {
  for (int64_t m = 0; m < v.orders; ++m)
    for (int64_t part = 0; part < 2; ++part)
      for (int64_t b = 0; b < v.members; ++b) advance_order(v, m, part, b);
}

template <class T>
HWY_INLINE void filter(const FilterView<T>& view) {
  const FilterView<T> v = view;
#pragma GCC ivdep
  for (int64_t i = 0; i < v.count; ++i) {
    const T d = v.half_filter * (v.previous[i] - 2 * v.now[i] + v.next[i]);
    v.now_out[i] = v.now[i] + v.balance * d;
    v.next_out[i] = v.next[i] - (1 - v.balance) * d;
  }
}

void prepare_f32(const FieldsView<float>& v) { prepare(v); }
void prepare_f64(const FieldsView<double>& v) { prepare(v); }
void finish_f32(const TendencyView<float>& v, float* below, const float* flat) { finish(v, below, flat); }
void finish_f64(const TendencyView<double>& v, double* below, const double* flat) { finish(v, below, flat); }
void leap_f32(const LeapfrogView<float>& v) { leap(v); }
void leap_f64(const LeapfrogView<double>& v) { leap(v); }
void filter_f32(const FilterView<float>& v) { filter(v); }
void filter_f64(const FilterView<double>& v) { filter(v); }

}  // namespace pear::forecast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pear::forecast {
HWY_EXPORT(prepare_f32);
HWY_EXPORT(prepare_f64);
HWY_EXPORT(finish_f32);
HWY_EXPORT(finish_f64);
HWY_EXPORT(leap_f32);
HWY_EXPORT(leap_f64);
HWY_EXPORT(filter_f32);
HWY_EXPORT(filter_f64);

template <>
void prepare_fields(const FieldsView<float>& view) {
  HWY_DYNAMIC_DISPATCH(prepare_f32)(view);
}
template <>
void prepare_fields(const FieldsView<double>& view) {
  HWY_DYNAMIC_DISPATCH(prepare_f64)(view);
}
template <>
void finish_tendencies(const TendencyView<float>& view) {
  std::vector<float> below(static_cast<size_t>(view.degrees)), flat(below);
  HWY_DYNAMIC_DISPATCH(finish_f32)(view, below.data(), flat.data());
}
template <>
void finish_tendencies(const TendencyView<double>& view) {
  std::vector<double> below(static_cast<size_t>(view.degrees)), flat(below);
  HWY_DYNAMIC_DISPATCH(finish_f64)(view, below.data(), flat.data());
}
template <>
void advance_leapfrog(const LeapfrogView<float>& view) {
  HWY_DYNAMIC_DISPATCH(leap_f32)(view);
}
template <>
void advance_leapfrog(const LeapfrogView<double>& view) {
  HWY_DYNAMIC_DISPATCH(leap_f64)(view);
}
template <>
void filter_levels(const FilterView<float>& view) {
  HWY_DYNAMIC_DISPATCH(filter_f32)(view);
}
template <>
void filter_levels(const FilterView<double>& view) {
  HWY_DYNAMIC_DISPATCH(filter_f64)(view);
}

}  // namespace pear::forecast
#endif
