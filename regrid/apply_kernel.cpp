#include "regrid/apply_kernel.h"

#include <hwy/cache_control.h>

#include <limits>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "regrid/apply_kernel.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace pear::regrid::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kPrefetchAhead = 24;  // links; a source cell is 1-4 cache lines away in memory order

/// One row for `width` lanes. Short rows in float: a link costs one multiply-add per vector.
HWY_INLINE void short_row(const Weights& w, const float* x, float* y, int64_t width, int64_t begin, int64_t end) {
  const hn::CappedTag<float, kLanes> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t f = 0; f < width; f += 4 * lanes) {
    const int64_t vectors = HWY_MIN(int64_t{4}, (width - f) / lanes);
    auto a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0;
    for (int64_t l = begin; l < end; ++l) {
      const auto weight = hn::Set(d, static_cast<float>(w.value[static_cast<size_t>(l)]));
      const float* row = x + w.column[static_cast<size_t>(l)] * width + f;
      if (l + kPrefetchAhead < w.num_links()) {
        const float* next = x + w.column[static_cast<size_t>(l + kPrefetchAhead)] * width + f;
        hwy::Prefetch(next);
        if (vectors * lanes > 16) hwy::Prefetch(next + 16);
      }
      a0 = hn::MulAdd(weight, hn::LoadU(d, row), a0);
      if (vectors > 1) a1 = hn::MulAdd(weight, hn::LoadU(d, row + lanes), a1);
      if (vectors > 2) a2 = hn::MulAdd(weight, hn::LoadU(d, row + 2 * lanes), a2);
      if (vectors > 3) a3 = hn::MulAdd(weight, hn::LoadU(d, row + 3 * lanes), a3);
    }
    hn::StoreU(a0, d, y + f);
    if (vectors > 1) hn::StoreU(a1, d, y + f + lanes);
    if (vectors > 2) hn::StoreU(a2, d, y + f + 2 * lanes);
    if (vectors > 3) hn::StoreU(a3, d, y + f + 3 * lanes);
  }
}

/// Long rows lose digits in float: sums in double.
HWY_INLINE void long_row(const Weights& w, const float* x, float* y, int64_t width, int64_t begin, int64_t end) {
  const hn::CappedTag<double, 8> d;
  const hn::Rebind<float, decltype(d)> narrow;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t f = 0; f < width; f += lanes) {
    auto sum = hn::Zero(d);
    for (int64_t l = begin; l < end; ++l) {
      const auto value = hn::PromoteTo(d, hn::LoadU(narrow, x + w.column[static_cast<size_t>(l)] * width + f));
      sum = hn::MulAdd(hn::Set(d, w.value[static_cast<size_t>(l)]), value, sum);
    }
    hn::StoreU(hn::DemoteTo(narrow, sum), narrow, y + f);
  }
}

void apply_block_simd(const Weights& w, const float* x, float* y, int64_t width, int64_t first, int64_t last) {
  for (int64_t t = first; t < last; ++t) {
    const int64_t begin = w.row_start[static_cast<size_t>(t)], end = w.row_start[static_cast<size_t>(t) + 1];
    float* row = y + t * width;
    if (begin == end)
      for (int64_t f = 0; f < width; ++f) row[f] = std::numeric_limits<float>::quiet_NaN();
    else if (end - begin > kLongRow)
      long_row(w, x, row, width, begin, end);
    else
      short_row(w, x, row, width, begin, end);
  }
}

void apply_single_simd(const Weights& w, const float* x, float* y, int64_t first, int64_t last) {
  const hn::CappedTag<float, 1> d;  // the same multiply-add as in the wide loops
  const hn::CappedTag<double, 1> dd;
  for (int64_t t = first; t < last; ++t) {
    const int64_t begin = w.row_start[static_cast<size_t>(t)], end = w.row_start[static_cast<size_t>(t) + 1];
    if (begin == end) {
      y[t] = std::numeric_limits<float>::quiet_NaN();
    } else if (end - begin > kLongRow) {
      auto sum = hn::Zero(dd);
      for (int64_t l = begin; l < end; ++l)
        sum = hn::MulAdd(hn::Set(dd, w.value[static_cast<size_t>(l)]),
                         hn::Set(dd, static_cast<double>(x[w.column[static_cast<size_t>(l)]])), sum);
      y[t] = static_cast<float>(hn::GetLane(sum));
    } else {
      auto sum = hn::Zero(d);
      for (int64_t l = begin; l < end; ++l)
        sum = hn::MulAdd(hn::Set(d, static_cast<float>(w.value[static_cast<size_t>(l)])),
                         hn::Set(d, x[w.column[static_cast<size_t>(l)]]), sum);
      y[t] = hn::GetLane(sum);
    }
  }
}

}  // namespace pear::regrid::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pear::regrid {
HWY_EXPORT(apply_block_simd);
HWY_EXPORT(apply_single_simd);

void apply_block(const Weights& w, const float* x, float* y, int64_t width, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(apply_block_simd)(w, x, y, width, first, last);
}

void apply_single(const Weights& w, const float* x, float* y, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(apply_single_simd)(w, x, y, first, last);
}
}  // namespace pear::regrid
#endif
