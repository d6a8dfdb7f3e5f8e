// 2^x and e^x for x <= 0 in float32, with the scores' range in mind: fewer operations than a general exponential.
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

constexpr float kLog2E = 1.44269504F, kLn2 = 0.693147181F;

/// 2^(x + low...) for -126 <= x <= 0 and |low| far below 1; see exp2_nonpositive.
template <int kDegree, class D, class V, class... Low>
HWY_INLINE V exp2_of_sum(D d, V x, Low... low) {
  static_assert(kDegree == 3 || kDegree == 5);
  const hn::RebindToUnsigned<D> du;
  const auto number = [d](float v) { return hn::Set(d, v); };
  // Adding 1.5 * 2^23 leaves the nearest integer in the low bits, 127 more makes it the exponent of 2^n.
  const V magic = number(12582912.0F + 127.0F);
  const V shifted = hn::Add(x, magic);
  V r = hn::Sub(x, hn::Sub(shifted, magic));
  ((r = hn::Add(r, low)), ...);
  const V power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(du, shifted)));
  V p;
  if constexpr (kDegree == 3) {
    p = hn::MulAdd(r, number(0.0550089314F), number(0.242210961F));
    p = hn::MulAdd(p, r, number(0.693282927F));
    p = hn::MulAdd(p, r, number(1.0F));
  } else {
    p = hn::MulAdd(r, number(0.00132647272F), number(0.00967151267F));
    p = hn::MulAdd(p, r, number(0.0555073374F));
    p = hn::MulAdd(p, r, number(0.240222421F));
    p = hn::MulAdd(p, r, number(0.693146978F));
    p = hn::MulAdd(p, r, number(1.0F));
  }
  return hn::Mul(p, power);
}

/// 2^x for x <= 0 (rounding above 0 does no harm); 2^-126 instead of smaller values. NaN stays NaN. Relative error
/// below 3e-7 at degree 5, for rows of float32, and about 1e-4 at degree 3, for rows of bfloat16 (which keep 4e-3).
/// x = n + r with |r| <= 1/2; 2^r is the polynomial that is 1 at 0 and of least relative error (Lawson's iteration).
template <int kDegree, class D, class V = hn::Vec<D>>
HWY_INLINE V exp2_nonpositive(D d, V x) {
  return exp2_of_sum<kDegree>(d, hn::Max(hn::Set(d, -126.0F), x));
}

/// e^x for x <= 0; e^-87 instead of smaller values. The rounding of x log2(e) is made good.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_nonpositive(D d, V x) {
  const V bounded = hn::Max(hn::Set(d, -87.0F), x), log2e = hn::Set(d, kLog2E);
  const V scaled = hn::Mul(bounded, log2e);
  return exp2_of_sum<5>(d, scaled, hn::MulSub(bounded, log2e, scaled));
}

}  // namespace pear::sphere::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
