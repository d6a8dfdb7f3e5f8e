#include "sphere/attention/norm_cpu.h"

#include <hwy/aligned_allocator.h>

#include <cmath>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sphere/attention/norm_cpu.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
#include "sphere/attention/rows_inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace pear::sphere::HWY_NAMESPACE {

HWY_INLINE float total(RowVector v) { return hn::GetLane(hn::SumOfLanes(RowLanes(), v)); }

/// Centres a row into `centred` (padded with zeros to whole vectors) and gives 1 / sqrt(var + eps).
template <class T>
HWY_INLINE float centre(const NormRows<T>& in, int64_t r, float* centred) {
  const RowLanes d;
  const T* row = in.y + r * in.width;
  RowVector sum = hn::Zero(d);
  for (int64_t c = 0; c < in.width; c += row_step()) {
    const RowVector y = load_row(row + c, in.width - c);
    hn::StoreU(y, d, centred + c);
    sum = hn::Add(sum, y);
  }
  const auto count = static_cast<float>(in.width);
  const RowVector mean = hn::Set(d, total(sum) / count);
  RowVector squares = hn::Zero(d);
  for (int64_t c = 0; c < in.width; c += row_step()) {
    const auto inside = hn::FirstN(d, static_cast<size_t>(in.width - c));
    const RowVector x = hn::IfThenElseZero(inside, hn::Sub(hn::LoadU(d, centred + c), mean));
    hn::StoreU(x, d, centred + c);
    squares = hn::MulAdd(x, x, squares);
  }
  return 1.0F / std::sqrt(total(squares) / count + in.eps);
}

HWY_INLINE int64_t padded(int64_t width) { return (width + row_step() - 1) / row_step() * row_step(); }

template <class T>
HWY_INLINE void add_norm_rows(const NormRows<T>& in, const T* residual, T* result) {
  const RowLanes d;
  const auto centred = hwy::AllocateAligned<float>(static_cast<size_t>(padded(in.width)));
  for (int64_t r = 0; r < in.rows; ++r) {
    const RowVector inverse = hn::Set(d, centre(in, r, centred.get())), factor = hn::Set(d, in.factor(r));
    for (int64_t c = 0; c < in.width; c += row_step()) {
      const int64_t at = r * in.width + c, left = in.width - c;
      const RowVector x = hn::Mul(hn::LoadU(d, centred.get() + c), inverse);
      const RowVector y = hn::MulAdd(x, load_row(in.weight + c, left), load_row(in.bias + c, left));
      store_row(hn::MulAdd(factor, y, load_row(residual + at, left)), result + at, left);
    }
  }
}

/// With x the normalised row and g = grad * weight: grad_y = (g - mean(g) - x mean(g x)) / sigma.
template <class T>
HWY_INLINE void norm_rows_backward(const NormRows<T>& in, const NormBackward<T>& v) {
  const RowLanes d;
  const auto centred = hwy::AllocateAligned<float>(static_cast<size_t>(padded(in.width)));
  const auto count = static_cast<float>(in.width);
  for (int64_t r = 0; r < in.rows; ++r) {
    const float inverse = centre(in, r, centred.get());
    const RowVector factor = hn::Set(d, in.factor(r));
    RowVector sum = hn::Zero(d), with_x = hn::Zero(d);
    for (int64_t c = 0; c < in.width; c += row_step()) {
      const int64_t at = r * in.width + c, left = in.width - c;
      const RowVector grad = hn::Mul(factor, load_row(v.grad + at, left));
      const RowVector x = hn::Mul(hn::LoadU(d, centred.get() + c), hn::Set(d, inverse));
      const RowVector g = hn::Mul(grad, load_row(in.weight + c, left));
      hn::StoreU(x, d, centred.get() + c);
      sum = hn::Add(sum, g);
      with_x = hn::MulAdd(g, x, with_x);
      store_row(hn::MulAdd(grad, x, load_row(v.weight_sum + c, left)), v.weight_sum + c, left);
      store_row(hn::Add(grad, load_row(v.bias_sum + c, left)), v.bias_sum + c, left);
    }
    const RowVector mean = hn::Set(d, total(sum) / count), slope = hn::Set(d, total(with_x) / count);
    for (int64_t c = 0; c < in.width; c += row_step()) {
      const int64_t at = r * in.width + c, left = in.width - c;
      const RowVector g = hn::Mul(hn::Mul(factor, load_row(v.grad + at, left)), load_row(in.weight + c, left));
      const RowVector rest = hn::NegMulAdd(hn::LoadU(d, centred.get() + c), slope, hn::Sub(g, mean));
      store_row(hn::Mul(rest, hn::Set(d, inverse)), v.grad_y + at, left);
    }
  }
}

void add_norm_f32(const NormRows<float>& in, const float* residual, float* result) {
  add_norm_rows(in, residual, result);
}
void add_norm_bf16(const NormRows<Bfloat16>& in, const Bfloat16* residual, Bfloat16* result) {
  add_norm_rows(in, residual, result);
}
void norm_backward_f32(const NormRows<float>& in, const NormBackward<float>& v) { norm_rows_backward(in, v); }
void norm_backward_bf16(const NormRows<Bfloat16>& in, const NormBackward<Bfloat16>& v) { norm_rows_backward(in, v); }

}  // namespace pear::sphere::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pear::sphere {
HWY_EXPORT(add_norm_f32);
HWY_EXPORT(add_norm_bf16);
HWY_EXPORT(norm_backward_f32);
HWY_EXPORT(norm_backward_bf16);

void add_norm(const NormRows<float>& rows, const float* residual, float* result) {
  HWY_DYNAMIC_DISPATCH(add_norm_f32)(rows, residual, result);
}
void add_norm(const NormRows<Bfloat16>& rows, const Bfloat16* residual, Bfloat16* result) {
  HWY_DYNAMIC_DISPATCH(add_norm_bf16)(rows, residual, result);
}
void norm_backward(const NormRows<float>& rows, const NormBackward<float>& view) {
  HWY_DYNAMIC_DISPATCH(norm_backward_f32)(rows, view);
}
void norm_backward(const NormRows<Bfloat16>& rows, const NormBackward<Bfloat16>& view) {
  HWY_DYNAMIC_DISPATCH(norm_backward_bf16)(rows, view);
}

}  // namespace pear::sphere
#endif  // HWY_ONCE
