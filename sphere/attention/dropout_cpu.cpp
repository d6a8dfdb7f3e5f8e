#include "sphere/attention/dropout_cpu.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sphere/attention/dropout_cpu.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
#include "sphere/attention/dropout_inl.h"
#include "sphere/attention/rows_inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace pear::sphere::HWY_NAMESPACE {

template <class T>
HWY_INLINE void drop(const DroppedRows<T>& in, const DropoutMask& mask) {
  const RowVector factor = hn::Set(RowLanes(), mask.factor);
  for (int64_t r = 0; r < in.rows; ++r) {
    const RowKey key = mask.row(in.first + r);
    for (int64_t c = 0; c < in.width; c += row_step()) {
      const int64_t at = r * in.width + c, left = in.width - c;
      const RowVector x = hn::Mul(load_row(in.from + at, left), factor);
      store_row(kept_in_row(mask, key, c, x), in.to + at, left);
    }
  }
}

void drop_f32(const DroppedRows<float>& rows, const DropoutMask& mask) { drop(rows, mask); }
void drop_bf16(const DroppedRows<Bfloat16>& rows, const DropoutMask& mask) { drop(rows, mask); }

}  // namespace pear::sphere::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pear::sphere {
HWY_EXPORT(drop_f32);
HWY_EXPORT(drop_bf16);

void drop_rows(const DroppedRows<float>& rows, const DropoutMask& mask) { HWY_DYNAMIC_DISPATCH(drop_f32)(rows, mask); }
void drop_rows(const DroppedRows<Bfloat16>& rows, const DropoutMask& mask) {
  HWY_DYNAMIC_DISPATCH(drop_bf16)(rows, mask);
}

}  // namespace pear::sphere
#endif  // HWY_ONCE
