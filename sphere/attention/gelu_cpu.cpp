#include "sphere/attention/gelu_cpu.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sphere/attention/gelu_cpu.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
#include "sphere/attention/dropout_inl.h"
#include "sphere/attention/exp_inl.h"
#include "sphere/attention/rows_inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace pear::sphere::HWY_NAMESPACE {

/// Value and derivative of x Phi(x). Phi(-a) = e^(-a^2/2) t Q(t), t = 1 / (1 + 0.36 a): Q is a polynomial of degree 8,
/// fitted to erfcx(a / sqrt 2) / 2 on a < 14 by weighted least squares, largest relative error 7e-8.
struct Gelu {
  RowVector value, slope;
};

HWY_INLINE Gelu gelu_of(RowVector x) {
  const RowLanes d;
  const auto number = [&](float v) { return hn::Set(d, v); };
  const RowVector one = number(1.0F);
  const RowVector a = hn::Abs(x);
  const RowVector t = hn::Div(one, hn::MulAdd(number(0.36F), a, one));
  const RowVector density = exp_nonpositive(d, hn::Mul(hn::Mul(number(-0.5F), x), x));
  RowVector q = hn::MulAdd(t, number(-0.0296531077F), number(0.136438072F));
  q = hn::MulAdd(q, t, number(-0.216859013F));
  q = hn::MulAdd(q, t, number(0.0993042216F));
  q = hn::MulAdd(q, t, number(0.00534463953F));
  q = hn::MulAdd(q, t, number(0.0935715884F));
  q = hn::MulAdd(q, t, number(0.124633886F));
  q = hn::MulAdd(q, t, number(0.14359735F));
  q = hn::MulAdd(q, t, number(0.143622339F));
  const RowVector tail = hn::Mul(density, hn::Mul(t, q));
  const RowVector phi = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(one, tail));
  return {hn::Mul(x, phi), hn::MulAdd(hn::Mul(number(0.398942280F), x), density, phi)};
}

/// Calls work(row's key, column, lanes left) for every vector of the rows.
template <class T, class Work>
HWY_INLINE void for_vectors(const HiddenRows<T>& h, const Work& work) {
  for (int64_t r = 0; r < h.rows; ++r) {
    const RowKey key = h.mask.row(h.first + r);
    for (int64_t c = 0; c < h.width; c += row_step()) work(key, r * h.width + c, c);
  }
}

template <class T>
HWY_INLINE RowVector hidden_at(const HiddenRows<T>& h, int64_t at, int64_t c) {
  const RowVector x = load_row(h.values + at, h.width - c);
  return h.bias == nullptr ? x : hn::Add(x, load_row(h.bias + c, h.width - c));
}

template <bool kDrops, class T>
HWY_INLINE RowVector masked(const HiddenRows<T>& h, RowKey key, int64_t c, RowVector v) {
  if constexpr (kDrops) v = kept_in_row(h.mask, key, c, hn::Mul(v, hn::Set(RowLanes(), h.mask.factor)));
  return v;
}

template <bool kDrops, class T>
HWY_INLINE void gelu_rows(const HiddenRows<T>& h, T* result) {
  for_vectors(h, [&](RowKey key, int64_t at, int64_t c) HWY_ATTR {
    store_row(masked<kDrops>(h, key, c, gelu_of(hidden_at(h, at, c)).value), result + at, h.width - c);
  });
}

template <bool kDrops, class T>
HWY_INLINE void gelu_rows_backward(const HiddenRows<T>& h, const GeluBackward<T>& v) {
  for_vectors(h, [&](RowKey key, int64_t at, int64_t c) HWY_ATTR {
    const int64_t left = h.width - c;
    const Gelu g = gelu_of(hidden_at(h, at, c));
    const RowVector grad = masked<kDrops>(h, key, c, hn::Mul(load_row(v.grad + at, left), g.slope));
    store_row(masked<kDrops>(h, key, c, g.value), v.result + at, left);
    store_row(grad, v.grad_hidden + at, left);
    store_row(hn::Add(load_row(v.bias_sum + c, left), grad), v.bias_sum + c, left);
  });
}

template <class T>
HWY_INLINE void gelu_any(const HiddenRows<T>& h, T* result) {
  h.mask.drops() ? gelu_rows<true>(h, result) : gelu_rows<false>(h, result);
}
template <class T>
HWY_INLINE void gelu_any_backward(const HiddenRows<T>& h, const GeluBackward<T>& v) {
  h.mask.drops() ? gelu_rows_backward<true>(h, v) : gelu_rows_backward<false>(h, v);
}

void gelu_f32(const HiddenRows<float>& h, float* result) { gelu_any(h, result); }
void gelu_bf16(const HiddenRows<Bfloat16>& h, Bfloat16* result) { gelu_any(h, result); }
void gelu_backward_f32(const HiddenRows<float>& h, const GeluBackward<float>& v) { gelu_any_backward(h, v); }
void gelu_backward_bf16(const HiddenRows<Bfloat16>& h, const GeluBackward<Bfloat16>& v) { gelu_any_backward(h, v); }

}  // namespace pear::sphere::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pear::sphere {
HWY_EXPORT(gelu_f32);
HWY_EXPORT(gelu_bf16);
HWY_EXPORT(gelu_backward_f32);
HWY_EXPORT(gelu_backward_bf16);

void gelu(const HiddenRows<float>& hidden, float* result) { HWY_DYNAMIC_DISPATCH(gelu_f32)(hidden, result); }
void gelu(const HiddenRows<Bfloat16>& hidden, Bfloat16* result) { HWY_DYNAMIC_DISPATCH(gelu_bf16)(hidden, result); }
void gelu_backward(const HiddenRows<float>& hidden, const GeluBackward<float>& view) {
  HWY_DYNAMIC_DISPATCH(gelu_backward_f32)(hidden, view);
}
void gelu_backward(const HiddenRows<Bfloat16>& hidden, const GeluBackward<Bfloat16>& view) {
  HWY_DYNAMIC_DISPATCH(gelu_backward_bf16)(hidden, view);
}

}  // namespace pear::sphere
#endif  // HWY_ONCE
