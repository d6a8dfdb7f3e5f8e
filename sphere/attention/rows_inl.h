// Vectors of float32 from and to rows of float32 or bfloat16, any length. Included once per instruction set.
#if defined(PEAR_SPHERE_ATTENTION_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PEAR_SPHERE_ATTENTION_ROWS_INL_H_
#undef PEAR_SPHERE_ATTENTION_ROWS_INL_H_
#else
#define PEAR_SPHERE_ATTENTION_ROWS_INL_H_
#endif

#include <hwy/highway.h>

#include "sphere/attention/attention_views.h"

HWY_BEFORE_NAMESPACE();
namespace pear::sphere::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using RowLanes = hn::CappedTag<float, 16>;
using RowVector = hn::Vec<RowLanes>;

HWY_INLINE int64_t row_step() { return static_cast<int64_t>(hn::Lanes(RowLanes())); }

HWY_INLINE RowVector load_row(const float* row) { return hn::LoadU(RowLanes(), row); }
HWY_INLINE RowVector load_row(const Bfloat16* row) {
  const RowLanes d;
  const hn::RebindToUnsigned<RowLanes> du;
  const auto bits = hn::LoadU(hn::Rebind<uint16_t, RowLanes>(), &row->bits);
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du, bits)));
}

HWY_INLINE void store_row(RowVector v, float* row) { hn::StoreU(v, RowLanes(), row); }
/// Rounds to nearest even; a NaN stays one.
HWY_INLINE void store_row(RowVector v, Bfloat16* row) {
  const hn::RebindToUnsigned<RowLanes> du;
  const hn::RebindToSigned<RowLanes> di;
  const auto bits = hn::BitCast(du, v);
  const auto is_odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(is_odd, hn::Set(du, 0x7FFF))));
  const auto is_number = hn::RebindMask(du, hn::Eq(v, v));
  const auto upper = hn::IfThenElse(is_number, rounded, hn::Set(du, 0x7FC0));
  const hn::Rebind<uint16_t, RowLanes> dh;
  hn::StoreU(hn::DemoteTo(dh, hn::BitCast(di, upper)), dh, &row->bits);
}

/// The first `count` values of a row, at most one vector; 0 in the other lanes.
template <class T>
HWY_INLINE RowVector load_row(const T* row, int64_t count) {
  if (count >= row_step()) return load_row(row);
  T part[16] = {};
  for (int64_t i = 0; i < count; ++i) part[i] = row[i];
  return load_row(part);
}
template <class T>
HWY_INLINE void store_row(RowVector v, T* row, int64_t count) {
  if (count >= row_step()) return store_row(v, row);
  T part[16];
  store_row(v, part);
  for (int64_t i = 0; i < count; ++i) row[i] = part[i];
}

}  // namespace pear::sphere::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
