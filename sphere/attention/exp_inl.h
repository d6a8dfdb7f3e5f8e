// e^x for x <= 0 in float32, with the scores' range in mind: fewer operations than a general exponential.
// Included once per instruction set (Highway's guard), so there is no `#pragma once`.
#if defined(PEAR_SPHERE_ATTENTION_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PEAR_SPHERE_ATTENTION_EXP_INL_H_
#undef PEAR_SPHERE_ATTENTION_EXP_INL_H_
#else
#define PEAR_SPHERE_ATTENTION_EXP_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace pear::sphere::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Relative error below 3e-7; 0 instead of values below e^-87. NaN stays NaN.
/// Cody-Waite reduction to |r| <= ln(2)/2 and the Taylor polynomial of degree 6.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_nonpositive(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto n = hn::NearestInt(hn::Mul(x, hn::Set(d, 1.44269504F)));
  const V whole = hn::ConvertTo(d, n);
  V r = hn::NegMulAdd(whole, hn::Set(d, 0.693145752F), x);
  r = hn::NegMulAdd(whole, hn::Set(d, 1.42860677e-6F), r);
  V p = hn::MulAdd(r, hn::Set(d, 1.0F / 720), hn::Set(d, 1.0F / 120));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F / 24));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F / 6));
  p = hn::MulAdd(p, r, hn::Set(d, 0.5F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F));
  p = hn::MulAdd(p, r, hn::Set(d, 1.0F));
  const V power = hn::BitCast(d, hn::Add(hn::BitCast(di, p), hn::ShiftLeft<23>(n)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.0F)), power);
}

}  // namespace pear::sphere::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
