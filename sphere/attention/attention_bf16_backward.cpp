#include <algorithm>
#include <cmath>

#include "sphere/attention/attention_bf16.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sphere/attention/attention_bf16_backward.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
#include "sphere/attention/pairs_inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
#if PEAR_HAS_PAIRS
#pragma GCC target("avx512bf16")
namespace pear::sphere::HWY_NAMESPACE {

/// Where the gradients of a slot's q, k and v go: into grad_qkv, or beside it for a zero token.
struct Target {
  Bfloat16* row;
  int64_t step;
};

struct BackwardMemory {
  Memory memory;
  int64_t n, padded;
  uint32_t *q, *q_pairs, *g, *g_pairs, *k_pairs, *weights, *score_gradients, *score_rows;
  float *tile, *tile_gradient, *grad_q, *grad_k, *delta, *log_sum, *q_factor, *k_factor;
  MaskKeys keys;
  Bfloat16* zero_gradients;  ///< [N, 3, D]
  const Bfloat16 **rows, **grads;
  Target* targets;
  BackwardMemory(int64_t tokens, int64_t width)
      : memory((6 * width + 5 * 16 + 24) * (tokens + 16) + 16 * width + 2 * (tokens + 16) * (tokens + 16)),
        n(tokens),
        padded(blocks_of(tokens) * kLanes),
        q(memory.pairs((n + 1) * width / 2)),
        q_pairs(memory.pairs((n + 1) * width / 2)),
        g(memory.pairs((n + 1) * width / 2)),
        g_pairs(memory.pairs((n + 1) * width / 2)),
        k_pairs(memory.pairs(padded * width / 2)),
        weights(memory.pairs((n + 1) / 2 * kLanes)),
        score_gradients(memory.pairs((n + 1) / 2 * kLanes)),
        score_rows(memory.pairs((n + 1) / 2 * kLanes)),
        tile(memory.floats(n * padded + kLanes)),
        tile_gradient(memory.floats(n * padded + kLanes)),
        grad_q(memory.floats((n + 1) * width)),
        grad_k(memory.floats(kLanes * width)),
        delta(memory.floats(n + 1)),
        log_sum(memory.floats(n + 1)),
        q_factor(memory.floats(n + 1)),
        k_factor(memory.floats(padded)),
        keys{memory.pairs(n + 1), memory.pairs(n + 1)},
        zero_gradients(reinterpret_cast<Bfloat16*>(memory.pairs(n * 3 * width / 2 + 1))),
        rows(memory.pointers<const Bfloat16*>(padded + 1)),
        grads(memory.pointers<const Bfloat16*>(padded + 1)),
        targets(memory.pointers<Target>(2 * padded)) {
    std::fill_n(rows, padded + 1, nullptr);
    std::fill_n(grads, padded + 1, nullptr);
    std::fill_n(targets, padded, Target{nullptr, 0});
    // The partner of the last query, if their number is odd: no weight, no gradient.
    std::fill_n(tile + n * padded, kLanes, 0.0F);
    std::fill_n(k_factor, padded, 0.0F);
    delta[n] = q_factor[n] = 0;
    keys.first[n] = keys.second[n] = 0;
    log_sum[n] = -kNever;
  }
};

/// Weights and score gradients of all queries with one block of keys.
template <class F>
HWY_INLINE void gradients_of_pairs(const BackwardMemory& m, int64_t block, int64_t k_at, int64_t v_at,
                                   const DropoutMask& mask) {
  constexpr int kWidth = F::kWidth;
  const Lanes d;
  const int64_t n = m.n, half = kWidth / 2;
  const float* tile = m.tile + block * n * kLanes;
  float* tile_gradient = m.tile_gradient + block * n * kLanes;
  const Vector k_factor = hn::Load(d, m.k_factor + block * kLanes);
  Pairs k[kWidth / 2], v[kWidth / 2];
  load_columns<kWidth>(m.rows + block * kLanes, k_at, k);
  load_columns<kWidth>(m.rows + block * kLanes, v_at, v);
  for (int64_t i = 0; i < n; i += 2) {
    Vector weight[2], by_keys[2], by_queries[2];  // the latter two: for sums over keys, over queries
    for (int64_t odd = 0; odd < 2; ++odd) {
      const int64_t row = i + odd;
      const uint32_t *q = m.q + row * half, *g = m.g + row * half;
      Vector score = hn::Zero(d), slope = F::kDrops ? hn::Zero(d) : hn::Set(d, -m.delta[row]);
      for (int c = 0; c < half; ++c) {
        score = add_products(score, k[c], all_lanes(q + c));
        slope = add_products(slope, v[c], all_lanes(g + c));
      }
      const Vector shift = hn::Sub(hn::Load(d, tile + row * kLanes), hn::Set(d, m.log_sum[row]));
      if constexpr (F::kCosine) score = hn::Mul(score, k_factor);
      const Vector q_factor = hn::Set(d, m.q_factor[row]);
      weight[odd] = exp2_nonpositive<3>(d, hn::MulAdd(score, hn::Mul(q_factor, hn::Set(d, kLog2E)), shift));
      Vector gradient;
      if constexpr (F::kDrops) {
        const RowKey key{m.keys.first[row], m.keys.second[row]};
        const Vector factor = kept_in_row(mask, key, block * kLanes, hn::Set(d, mask.factor));
        gradient = hn::Mul(weight[odd], hn::MulSub(factor, slope, hn::Set(d, m.delta[row])));
        weight[odd] = hn::Mul(weight[odd], factor);
      } else {
        gradient = hn::Mul(weight[odd], slope);
      }
      float* sum = tile_gradient + row * kLanes;
      hn::Store(hn::Add(hn::Load(d, sum), gradient), d, sum);
      by_keys[odd] = F::kCosine ? hn::Mul(gradient, k_factor) : gradient;
      by_queries[odd] = F::kCosine ? hn::Mul(gradient, q_factor) : gradient;
    }
    const int64_t at = i / 2 * kLanes;
    const __m512i both = rounded(by_keys[0], by_keys[1]);
    store_pairs(both, m.score_rows + at);
    store_pairs(interleaved(F::kCosine ? rounded(by_queries[0], by_queries[1]) : both), m.score_gradients + at);
    store_pairs(interleaved(rounded(weight[0], weight[1])), m.weights + at);
  }
}

/// Gradients of one block of unit vectors times their factors [D, lanes of keys], as gradients of the keys.
template <class F>
HWY_INLINE void store_key_gradients(const BackwardMemory& m, int64_t block, int64_t k_at) {
  const Lanes d;
  const Vector factor = hn::Load(d, m.k_factor + block * kLanes);
  Pairs k[F::kWidth / 2];
  load_columns<F::kWidth>(m.rows + block * kLanes, k_at, k);
  const auto unit = [&](int c) HWY_ATTR {
    const auto bits = c % 2 == 0 ? _mm512_slli_epi32(k[c / 2], 16)
                                 : _mm512_and_si512(k[c / 2], _mm512_set1_epi32(static_cast<int>(0xFFFF0000U)));
    return hn::Mul(Vector{_mm512_castsi512_ps(bits)}, factor);
  };
  Vector along = hn::Zero(d);
  for (int c = 0; c < F::kWidth; ++c) along = hn::MulAdd(unit(c), hn::Load(d, m.grad_k + c * kLanes), along);
  for (int chunk = 0; chunk < F::kWidth; chunk += 8) {
    Vector columns[8];
    for (int c = 0; c < 8; ++c)
      columns[c] = hn::Mul(factor, hn::NegMulAdd(unit(chunk + c), along, hn::Load(d, m.grad_k + (chunk + c) * kLanes)));
    store_columns(columns, 1.0F, [&](int i) -> Bfloat16* {
      const Target& t = m.targets[block * kLanes + i];
      return t.row == nullptr ? nullptr : t.row + t.step + chunk;
    });
  }
}

/// Gradients of one block of keys and values.
template <class F>
HWY_INLINE void gradients_of_slots(const BackwardMemory& m, int64_t block, int64_t k_at, float scale) {
  constexpr int kWidth = F::kWidth;
  const Lanes d;
  for (int chunk = 0; chunk < kWidth; chunk += 8) {
    Vector grad_k[8], grad_v[8];
    for (int c = 0; c < 8; ++c) grad_k[c] = grad_v[c] = hn::Zero(d);
    for (int64_t i = 0; i < m.n; i += 2) {
      const uint32_t *q = m.q_pairs + i / 2 * kWidth + chunk, *g = m.g_pairs + i / 2 * kWidth + chunk;
      const Pairs score = load_pairs(m.score_gradients + i / 2 * kLanes),
                  weight = load_pairs(m.weights + i / 2 * kLanes);
      for (int c = 0; c < 8; ++c) {
        grad_k[c] = add_products(grad_k[c], score, all_lanes(q + c));
        grad_v[c] = add_products(grad_v[c], weight, all_lanes(g + c));
      }
    }
    const auto part = [&](int which) {
      return [&m, which, chunk, block](int i) -> Bfloat16* {
        const Target& t = m.targets[block * kLanes + i];
        return t.row == nullptr ? nullptr : t.row + which * t.step + chunk;
      };
    };
    store_columns(grad_v, 1.0F, part(2));
    if (F::kCosine)
      for (int c = 0; c < 8; ++c) hn::Store(grad_k[c], d, m.grad_k + (chunk + c) * kLanes);
    else
      store_columns(grad_k, scale, part(1));
  }
  if constexpr (F::kCosine) store_key_gradients<F>(m, block, k_at);
}

HWY_INLINE __m256 add_products(__m256 sum, uint32_t a, __m256i b) {
  return _mm256_dpbf16_ps(sum, reinterpret_cast<__m256bh>(_mm256_set1_epi32(static_cast<int>(a))),
                          reinterpret_cast<__m256bh>(b));
}

/// One block of keys' share of the queries' gradient: lanes are channels, eight pairs of keys.
template <int kWidth>
HWY_INLINE void gradients_of_queries(const BackwardMemory& m, int64_t block) {
  const uint32_t* keys = m.k_pairs + block * 8 * kWidth;
  for (int c = 0; c < kWidth; c += 8) {
    __m256i k[8];
    for (int j = 0; j < 8; ++j) k[j] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(keys + j * kWidth + c));
    for (int64_t i = 0; i < m.n; ++i) {
      const uint32_t* s = m.score_rows + i * 8;
      float* to = m.grad_q + i * kWidth + c;
      __m256 even = _mm256_loadu_ps(to), odd = _mm256_setzero_ps();
      for (int j = 0; j < 8; j += 2) {
        even = add_products(even, s[j], k[j]);
        odd = add_products(odd, s[j + 1], k[j + 1]);
      }
      _mm256_storeu_ps(to, _mm256_add_ps(even, odd));
    }
  }
}

/// sum over the channels of grad * out.
template <int kWidth>
HWY_INLINE float product_of_rows(const Bfloat16* grad, const Bfloat16* out) {
  __m128 sum = _mm_setzero_ps();
  for (int c = 0; c < kWidth; c += 8)
    sum = _mm_dpbf16_ps(sum, reinterpret_cast<__m128bh>(load_eight(grad + c)),
                        reinterpret_cast<__m128bh>(load_eight(out + c)));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  return _mm_cvtss_f32(_mm_add_ss(sum, _mm_shuffle_ps(sum, sum, 1)));
}

template <int kWidth>
HWY_INLINE void load_pairs_of_item(const AttentionShape& s, const AttentionBackward<Bfloat16>& v, int64_t item,
                                   int64_t head, const BackwardMemory& m) {
  const int64_t n = m.n, at = head * kWidth, c = s.channels();
  for (int64_t i = 0; i < n; ++i) {
    const int64_t token = s.source[item % s.windows * n + i];
    const bool is_zero = token == s.tokens;
    m.rows[i] = qkv_row(s, v.qkv, v.zero_row, item, i);
    m.grads[i] = out_row(s, v.grad_out, item, i);
    m.targets[i] = is_zero ? Target{m.zero_gradients + i * 3 * kWidth, kWidth}
                           : Target{v.grad_qkv + (item / s.windows * s.tokens + token) * 3 * c + at, c};
    m.log_sum[i] = kLog2E * v.log_sum[(item * s.heads + head) * n + i];
    m.delta[i] = is_zero ? 0.0F : product_of_rows<kWidth>(m.grads[i] + at, out_row(s, v.out, item, i) + at);
  }
  const int64_t even = n + n % 2;
  copy_rows<kWidth>(m.rows, even, at, m.q);
  copy_rows<kWidth>(m.grads, even, at, m.g);
  pair_rows<kWidth>(m.rows, n, at, m.q_pairs);
  pair_rows<kWidth>(m.grads, n, at, m.g_pairs);
  pair_rows<kWidth>(m.rows, m.padded, c + at, m.k_pairs);
  std::fill_n(m.grad_q, n * kWidth, 0.0F);
}

/// Gives the item's share of the temperature's gradient.
template <class F>
HWY_INLINE float store_query_gradients(const BackwardMemory& m, int64_t at, float scale, const float* temperature) {
  float sum = 0;
  for (int64_t i = 0; i < m.n; ++i) {
    float* grad = m.grad_q + i * F::kWidth;
    float factor = scale;
    if constexpr (F::kCosine) {
      factor = m.q_factor[i];
      float unit[F::kWidth], along = 0;
      for (int c = 0; c < F::kWidth; ++c) unit[c] = to_float(m.rows[i][at + c]) * (factor / *temperature);
      for (int c = 0; c < F::kWidth; ++c) along += unit[c] * grad[c];
      for (int c = 0; c < F::kWidth; ++c) grad[c] -= unit[c] * along;
      sum += along;
    }
    for (int c = 0; c < F::kWidth; c += 8) {
      const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(grad + c), _mm256_set1_ps(factor));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(m.targets[i].row + c),
                       reinterpret_cast<__m128i>(_mm256_cvtneps_pbh(scaled)));
    }
  }
  return sum;
}

template <int kWidth>
HWY_INLINE void add_zero_gradients(const BackwardMemory& m, float* zero_row) {
  for (int64_t i = 0; i < m.n; ++i)
    if (m.targets[i].step == kWidth && m.targets[i].row == m.zero_gradients + i * 3 * kWidth)
      for (int d = 0; d < 3 * kWidth; ++d) zero_row[d] += to_float(m.targets[i].row[d]);
}

template <class F>
HWY_INLINE void attend_all_pairs_backward(const AttentionShape& s, const AttentionBackward<Bfloat16>& v, int64_t first,
                                          int64_t last) {
  constexpr int kWidth = F::kWidth;
  const int64_t n = s.window_tokens, c = s.channels();
  BackwardMemory m(n, kWidth);
  for (int64_t unit = first; unit < last; ++unit) {
    const AttentionTask& task = s.tasks[unit / s.heads];
    const int64_t head = unit % s.heads, at = head * kWidth;
    fill_tile<false>(s, v.table, task, head, m.tile);
    std::fill_n(m.tile_gradient, n * m.padded + kLanes, 0.0F);
    float temperature = 0;
    for (int64_t index = 0; index < task.count; ++index) {
      const int64_t item = s.items[task.first + index];
      load_pairs_of_item<kWidth>(s, v, item, head, m);
      fill_factors<F>(s, v.variant.temperature, head, m, 1.0F);
      m.keys.fill(s, v.variant.mask, item, head);
      for (int64_t block = 0; block < blocks_of(n); ++block) {
        gradients_of_pairs<F>(m, block, c + at, 2 * c + at, v.variant.mask);
        gradients_of_slots<F>(m, block, c + at, s.scale);
        gradients_of_queries<kWidth>(m, block);
      }
      temperature += store_query_gradients<F>(m, at, s.scale, v.variant.temperature + (F::kCosine ? head : 0));
      if (v.partial_zero_row != nullptr) add_zero_gradients<kWidth>(m, v.partial_zero_row + unit * 3 * kWidth);
    }
    if (v.partial_temperature != nullptr) v.partial_temperature[unit] = temperature;
    if (v.partial_bias != nullptr) store_tile_gradient(n, m.tile_gradient, v.partial_bias + unit * n * n);
  }
}

void backward_pairs(const AttentionShape& s, const AttentionBackward<Bfloat16>& v, int64_t first, int64_t last) {
  with_width(s.head_width, v.variant, [&](auto form) { attend_all_pairs_backward<decltype(form)>(s, v, first, last); });
}

}  // namespace pear::sphere::HWY_NAMESPACE
#else
namespace pear::sphere::HWY_NAMESPACE {

void backward_pairs(const AttentionShape&, const AttentionBackward<Bfloat16>&, int64_t, int64_t) {}

}  // namespace pear::sphere::HWY_NAMESPACE
#endif
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pear::sphere {
HWY_EXPORT(backward_pairs);

void attend_units_backward_bf16(const AttentionShape& shape, const AttentionBackward<Bfloat16>& view, int64_t first,
                                int64_t last) {
  HWY_DYNAMIC_DISPATCH(backward_pairs)(shape, view, first, last);
}

}  // namespace pear::sphere
#endif  // HWY_ONCE
