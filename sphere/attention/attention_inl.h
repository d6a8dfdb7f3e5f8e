// What the vectorised loops over windows share. Included once per instruction set (Highway's guard).
#if defined(PEAR_SPHERE_ATTENTION_ATTENTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PEAR_SPHERE_ATTENTION_ATTENTION_INL_H_
#undef PEAR_SPHERE_ATTENTION_ATTENTION_INL_H_
#else
#define PEAR_SPHERE_ATTENTION_ATTENTION_INL_H_
#endif

#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>

#include <cmath>

#include "sphere/attention/attention_body.h"
#include "sphere/attention/dropout_inl.h"
#include "sphere/attention/exp_inl.h"

HWY_BEFORE_NAMESPACE();
namespace pear::sphere::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Lanes = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Lanes>;
constexpr float kNever = -1e30F;  ///< score of a key that only fills a vector

HWY_INLINE int64_t lanes() { return static_cast<int64_t>(hn::Lanes(Lanes())); }
HWY_INLINE int64_t blocks_of(int64_t n) { return (n + lanes() - 1) / lanes(); }

/// One row of memory per name, in one allocation that lives as long as a range of units.
class Scratch {
 public:
  explicit Scratch(int64_t floats) : memory_(hwy::AllocateAligned<float>(static_cast<size_t>(floats))) {}
  float* take(int64_t floats) {
    float* begin = memory_.get() + used_;
    used_ += (floats + 15) / 16 * 16;
    return begin;
  }

  uint32_t* take_words(int64_t words) { return reinterpret_cast<uint32_t*>(take(words)); }

 private:
  hwy::AlignedFreeUniquePtr<float[]> memory_;
  int64_t used_ = 0;
};

/// Bias and mask of a task over ln 2 (scores are exponents of 2), [block of lanes, N, lanes]. `kLanesAreQueries`: lanes
/// run over the first index of a pair.
template <bool kLanesAreQueries>
HWY_INLINE void fill_tile(const AttentionShape& s, const float* table, const AttentionTask& task, int64_t head,
                          float* tile) {
  const int64_t n = s.window_tokens, width = lanes();
  const float filler = kLanesAreQueries ? 0.0F : kNever;
  for (int64_t block = 0; block < blocks_of(n); ++block)
    for (int64_t row = 0; row < n; ++row)
      for (int64_t lane = 0; lane < width; ++lane) {
        const int64_t column = block * width + lane;
        float& to = tile[(block * n + row) * width + lane];
        if (column >= n)
          to = filler;
        else
          to = kLog2E * (kLanesAreQueries ? additive(s, table, task, head, column, row)
                                          : additive(s, table, task, head, row, column));
      }
}

/// Gradients of the bias of a task, collected as the tile lies in memory (lanes are keys), as [N, N].
HWY_INLINE void store_tile_gradient(int64_t n, const float* tile_gradient, float* bias) {
  const int64_t width = lanes();
  for (int64_t block = 0; block < blocks_of(n); ++block)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t lane = 0; lane < HWY_MIN(width, n - block * width); ++lane)
        bias[i * n + block * width + lane] = tile_gradient[(block * n + i) * width + lane];
}

/// First and second words of the rows of one item and head, for lanes over queries or one by one.
struct MaskKeys {
  uint32_t *first = nullptr, *second = nullptr;
  void fill(const AttentionShape& s, const DropoutMask& mask, int64_t item, int64_t head) const {
    if (!mask.drops()) return;
    const int64_t n = s.window_tokens;
    for (int64_t i = 0; i < n; ++i) {
      const RowKey key = mask.row((item * s.heads + head) * n + i);
      first[i] = key.first;
      second[i] = key.second;
    }
  }
};

/// Weights of key j for a vector of queries.
template <class V>
HWY_INLINE V kept_by_queries(const DropoutMask& mask, const MaskKeys& keys, int64_t queries, int64_t j, V v) {
  const HashLanes du;
  const Hash step = hn::Set(du, static_cast<uint32_t>(j) * DropoutMask::kStep);
  return kept(hn::Add(step, hn::LoadU(du, keys.first + queries)), hn::LoadU(du, keys.second + queries), mask.threshold,
              v);
}

/// Logarithm of the sum of exponentials of a vector of queries [first, ...) of n, from exponents of 2.
HWY_INLINE void store_log_sum(Vector highest, Vector sum, int64_t first, int64_t n, float* log_sum) {
  alignas(64) float top[16], total[16];
  hn::Store(highest, Lanes(), top);
  hn::Store(sum, Lanes(), total);
  for (int64_t i = 0; i < HWY_MIN(lanes(), n - first); ++i) log_sum[first + i] = kLn2 * top[i] + std::log(total[i]);
}

/// 1 / |row|, as x / max(|x|, 1e-12).
template <class T>
HWY_INLINE float inverse_norm(const T* row, int64_t width) {
  return 1.0F / HWY_MAX(std::sqrt(dot(row, row, width)), 1e-12F);
}

}  // namespace pear::sphere::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
