#include "forecast/dynamics/grid_kernel.h"

#include <cmath>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "forecast/dynamics/grid_kernel.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
#include <hwy/contrib/math/math-inl.h>
#include "forecast/dynamics/physics_body.h"
#include "forecast/dynamics/products_body.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace pear::forecast::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows are kBlock long and aligned: whole vectors.
struct Exponential {
  template <class T>
  HWY_INLINE void operator()(T* x, int64_t count) const {
    const hn::CappedTag<T, static_cast<size_t>(kBlock)> d;
    for (int64_t i = 0; i < count; i += static_cast<int64_t>(hn::Lanes(d)))
      hn::Store(hn::Exp(d, hn::Load(d, x + i)), d, x + i);
  }
};

struct Root {
  template <class T>
  HWY_INLINE void operator()(T* x, int64_t count) const {
    const hn::CappedTag<T, static_cast<size_t>(kBlock)> d;
    for (int64_t i = 0; i < count; i += static_cast<int64_t>(hn::Lanes(d)))
      hn::Store(hn::Sqrt(hn::Load(d, x + i)), d, x + i);
  }
};

template <class T>
HWY_INLINE void products(const ProductsView<T>& v) {
  if (v.humidity)
    v.force_u ? all_products<T, true, true>(v) : all_products<T, true, false>(v);
  else
    v.force_u ? all_products<T, false, true>(v) : all_products<T, false, false>(v);
}

template <class T>
HWY_INLINE bool below(const T* x, int64_t count, T bound) {
  int beyond = 0;
  for (int64_t i = 0; i < count; ++i) beyond |= !(std::abs(x[i]) < bound);
  return beyond == 0;
}

void products_f32(const ProductsView<float>& v) { products(v); }
void products_f64(const ProductsView<double>& v) { products(v); }
void relax_f32(const PhysicsView<float>& v) { all_physics<float, false, false>(v, {}, Exponential(), Root()); }
void relax_f64(const PhysicsView<double>& v) { all_physics<double, false, false>(v, {}, Exponential(), Root()); }
void rain_f32(const PhysicsView<float>& v, const WaterConstants<float>& c) {
  v.humidity ? all_physics<float, true, true>(v, c, Exponential(), Root())
             : all_physics<float, true, false>(v, c, Exponential(), Root());
}
void rain_f64(const PhysicsView<double>& v, const WaterConstants<double>& c) {
  v.humidity ? all_physics<double, true, true>(v, c, Exponential(), Root())
             : all_physics<double, true, false>(v, c, Exponential(), Root());
}
bool below_f32(const float* x, int64_t count, float bound) { return below(x, count, bound); }
bool below_f64(const double* x, int64_t count, double bound) { return below(x, count, bound); }

}  // namespace pear::forecast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pear::forecast {
HWY_EXPORT(products_f32);
HWY_EXPORT(products_f64);
HWY_EXPORT(relax_f32);
HWY_EXPORT(relax_f64);
HWY_EXPORT(rain_f32);
HWY_EXPORT(rain_f64);
HWY_EXPORT(below_f32);
HWY_EXPORT(below_f64);

void form_products(const ProductsView<float>& view) { HWY_DYNAMIC_DISPATCH(products_f32)(view); }
void form_products(const ProductsView<double>& view) { HWY_DYNAMIC_DISPATCH(products_f64)(view); }
void relax(const PhysicsView<float>& view) { HWY_DYNAMIC_DISPATCH(relax_f32)(view); }
void relax(const PhysicsView<double>& view) { HWY_DYNAMIC_DISPATCH(relax_f64)(view); }
void relax_and_rain(const PhysicsView<float>& view, const WaterConstants<float>& constants) {
  HWY_DYNAMIC_DISPATCH(rain_f32)(view, constants);
}
void relax_and_rain(const PhysicsView<double>& view, const WaterConstants<double>& constants) {
  HWY_DYNAMIC_DISPATCH(rain_f64)(view, constants);
}
bool all_below(const float* x, int64_t count, float bound) { return HWY_DYNAMIC_DISPATCH(below_f32)(x, count, bound); }
bool all_below(const double* x, int64_t count, double bound) {
  return HWY_DYNAMIC_DISPATCH(below_f64)(x, count, bound);
}

}  // namespace pear::forecast
#endif
