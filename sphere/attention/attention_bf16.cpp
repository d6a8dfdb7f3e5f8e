#include "sphere/attention/attention_bf16.h"

#include <algorithm>
#include <cmath>
#include <limits>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sphere/attention/attention_bf16.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
#include "sphere/attention/pairs_inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
#if PEAR_HAS_PAIRS
#pragma GCC target("avx512bf16")
namespace pear::sphere::HWY_NAMESPACE {

struct ForwardMemory {
  Memory memory;
  int64_t n, padded;
  uint32_t *k, *v;
  float *tile, *scores, *q_factor, *k_factor;
  MaskKeys keys;
  const Bfloat16** rows;
  Bfloat16** out;
  ForwardMemory(int64_t tokens, int64_t width)
      : memory((width + 2 * 16 + 12) * (tokens + 16) + (tokens + 16) * (tokens + 16)),
        n(tokens),
        padded(blocks_of(tokens) * kLanes),
        k(memory.pairs(n * width / 2)),
        v(memory.pairs((n + 1) * width / 2)),
        tile(memory.floats(n * padded)),
        scores(memory.floats((n + 1) * kLanes)),
        q_factor(memory.floats(padded)),
        k_factor(memory.floats(n)),
        keys{memory.pairs(padded), memory.pairs(padded)},
        rows(memory.pointers<const Bfloat16*>(padded + 1)),
        out(memory.pointers<Bfloat16*>(padded + 1)) {
    std::fill_n(rows, padded + 1, nullptr);
    std::fill_n(out, padded + 1, nullptr);
    std::fill_n(q_factor, padded, 0.0F);
  }
};

/// Queries of one block of lanes.
template <class F>
HWY_INLINE void attend_pairs(const ForwardMemory& m, int64_t block, int64_t at, const DropoutMask& mask,
                             float* log_sum) {
  constexpr int kWidth = F::kWidth;
  const Lanes d;
  const int64_t n = m.n, first = block * kLanes;
  const float* tile = m.tile + block * n * kLanes;
  const Vector factor = hn::Load(d, m.q_factor + first);
  Vector highest = hn::Set(d, -std::numeric_limits<float>::infinity());
  {
    Pairs q[kWidth / 2];
    load_columns<kWidth>(m.rows + first, at, q);
    for (int64_t j = 0; j < n; ++j) {
      const uint32_t* k = m.k + j * kWidth / 2;
      Vector score = hn::Zero(d);
      for (int c = 0; c < kWidth / 2; ++c) score = add_products(score, q[c], all_lanes(k + c));
      if constexpr (F::kCosine) score = hn::Mul(score, hn::Set(d, m.k_factor[j]));
      score = hn::MulAdd(score, factor, hn::Load(d, tile + j * kLanes));
      highest = hn::Max(highest, score);
      hn::Store(score, d, m.scores + j * kLanes);
    }
    hn::Store(hn::Set(d, kNever), d, m.scores + n * kLanes);  // the partner of the last key, if their number is odd
  }
  Vector sum = hn::Zero(d), inverse = sum;
  auto* weights = reinterpret_cast<uint32_t*>(m.scores);  // pair i takes the place of score i, which has been read
  for (int chunk = 0; chunk < kWidth; chunk += 8) {
    Vector out[8];
    for (auto& o : out) o = hn::Zero(d);
    for (int64_t j = 0; j < n; j += 2) {
      Pairs pair;
      if (chunk == 0) {
        Vector a = exp2_nonpositive<3>(d, hn::Sub(hn::Load(d, m.scores + j * kLanes), highest));
        Vector b = exp2_nonpositive<3>(d, hn::Sub(hn::Load(d, m.scores + (j + 1) * kLanes), highest));
        sum = hn::Add(sum, hn::Add(a, b));
        if constexpr (F::kDrops) {
          a = kept_by_queries(mask, m.keys, first, j, a);
          b = kept_by_queries(mask, m.keys, first, j + 1, b);
        }
        pair = interleaved(rounded(a, b));
        if (kWidth > 8) store_pairs(pair, weights + j / 2 * kLanes);
      } else {
        pair = load_pairs(weights + j / 2 * kLanes);
      }
      const uint32_t* v = m.v + j / 2 * kWidth + chunk;
      for (int c = 0; c < 8; ++c) out[c] = add_products(out[c], pair, all_lanes(v + c));
    }
    if (chunk == 0) inverse = hn::Div(hn::Set(d, mask.factor), sum);
    for (auto& o : out) o = hn::Mul(o, inverse);
    store_columns(out, 1.0F, [&](int i) -> Bfloat16* {
      Bfloat16* row = m.out[first + i];
      return row == nullptr ? nullptr : row + at + chunk;
    });
  }
  if (log_sum != nullptr) store_log_sum(highest, sum, first, n, log_sum);
}

template <class F>
HWY_INLINE void attend_all_pairs(const AttentionShape& s, const AttentionForward<Bfloat16>& v, int64_t first,
                                 int64_t last) {
  constexpr int kWidth = F::kWidth;
  const int64_t n = s.window_tokens, c = s.channels();
  ForwardMemory m(n, kWidth);
  for (int64_t unit = first; unit < last; ++unit) {
    const AttentionTask& task = s.tasks[unit / s.heads];
    const int64_t head = unit % s.heads, at = head * kWidth;
    fill_tile<true>(s, v.table, task, head, m.tile);
    for (int64_t index = 0; index < task.count; ++index) {
      const int64_t item = s.items[task.first + index];
      for (int64_t i = 0; i < n; ++i) {
        m.rows[i] = qkv_row(s, v.qkv, v.zero_row, item, i);
        m.out[i] = out_row(s, v.out, item, i);
      }
      fill_factors<F>(s, v.variant.temperature, head, m, kLog2E);
      m.keys.fill(s, v.variant.mask, item, head);
      copy_rows<kWidth>(m.rows, n, c + at, m.k);
      pair_rows<kWidth>(m.rows, n, 2 * c + at, m.v);
      float* log_sum = v.log_sum == nullptr ? nullptr : v.log_sum + (item * s.heads + head) * n;
      for (int64_t block = 0; block < blocks_of(n); ++block) attend_pairs<F>(m, block, at, v.variant.mask, log_sum);
    }
  }
}

void forward_pairs(const AttentionShape& s, const AttentionForward<Bfloat16>& v, int64_t first, int64_t last) {
  with_width(s.head_width, v.variant, [&](auto form) { attend_all_pairs<decltype(form)>(s, v, first, last); });
}

bool has_pairs() { return __builtin_cpu_supports("avx512bf16") != 0; }

}  // namespace pear::sphere::HWY_NAMESPACE
#else
namespace pear::sphere::HWY_NAMESPACE {

void forward_pairs(const AttentionShape&, const AttentionForward<Bfloat16>&, int64_t, int64_t) {}
bool has_pairs() { return false; }

}  // namespace pear::sphere::HWY_NAMESPACE
#endif
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pear::sphere {
HWY_EXPORT(forward_pairs);
HWY_EXPORT(has_pairs);

bool has_bfloat16_products() {
  static const bool answer = HWY_DYNAMIC_DISPATCH(has_pairs)();
  return answer;
}

void attend_units_bf16(const AttentionShape& shape, const AttentionForward<Bfloat16>& view, int64_t first,
                       int64_t last) {
  HWY_DYNAMIC_DISPATCH(forward_pairs)(shape, view, first, last);
}

}  // namespace pear::sphere
#endif  // HWY_ONCE
