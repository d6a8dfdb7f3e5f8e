// Vectors of the hashes of dropout_mask.h. Included once per instruction set (Highway's guard).
#if defined(PEAR_SPHERE_ATTENTION_DROPOUT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PEAR_SPHERE_ATTENTION_DROPOUT_INL_H_
#undef PEAR_SPHERE_ATTENTION_DROPOUT_INL_H_
#else
#define PEAR_SPHERE_ATTENTION_DROPOUT_INL_H_
#endif

#include <hwy/highway.h>

#include "sphere/attention/dropout_mask.h"

HWY_BEFORE_NAMESPACE();
namespace pear::sphere::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using HashLanes = hn::CappedTag<uint32_t, 16>;
using Hash = hn::Vec<HashLanes>;

/// `v` where the value is kept, else 0. first: column * kStep + key.first of every lane.
template <class V>
HWY_INLINE V kept(Hash first, Hash second, uint32_t threshold, V v) {
  const HashLanes du;
  const hn::CappedTag<float, 16> d;
  Hash h = hn::Xor(hn::Mul(hn::Xor(first, hn::ShiftRight<17>(first)), hn::Set(du, DropoutMask::kFirst)), second);
  h = hn::Mul(hn::Xor(h, hn::ShiftRight<11>(h)), hn::Set(du, DropoutMask::kSecond));
  return hn::IfThenZeroElse(hn::RebindMask(d, hn::Lt(h, hn::Set(du, threshold))), v);
}

/// column * kStep of lanes [column, ...).
HWY_INLINE Hash column_steps(int64_t column) {
  const HashLanes du;
  return hn::Mul(hn::Add(hn::Iota(du, 0), hn::Set(du, static_cast<uint32_t>(column))), hn::Set(du, DropoutMask::kStep));
}

/// Columns [column, ...) of a row.
template <class V>
HWY_INLINE V kept_in_row(const DropoutMask& mask, RowKey key, int64_t column, V v) {
  const HashLanes du;
  return kept(hn::Add(column_steps(column), hn::Set(du, key.first)), hn::Set(du, key.second), mask.threshold, v);
}

}  // namespace pear::sphere::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
