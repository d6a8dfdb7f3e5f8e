#include "sphere/attention/attention_cpu.h"

#include <algorithm>
#include <cmath>
#include <limits>

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sphere/attention/attention_cpu.cpp"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>
#include "sphere/attention/attention_inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace pear::sphere::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// What the rows of q and k are multiplied by: the scale, or what makes them unit vectors. Scores are exponents of 2.
struct Factors {
  float *q, *k;
};

template <int kWidth, class Row>
HWY_INLINE void fill_factors(const AttentionShape& s, const float* temperature, int64_t head, const Row& row,
                             const Factors& f) {
  for (int64_t i = 0; i < s.window_tokens; ++i) {
    f.q[i] = kLog2E * (temperature == nullptr ? s.scale : temperature[head] * inverse_norm(row(0)(i), kWidth));
    f.k[i] = temperature == nullptr ? 1.0F : inverse_norm(row(s.channels())(i), kWidth);
  }
}

struct ForwardScratch {
  float *q, *k, *v, *tile, *scores, *out;
  Factors factors;
  MaskKeys keys;
  Scratch memory;
  ForwardScratch(int64_t n, int64_t width) : memory((4 * width + n + lanes() + 4) * blocks_of(n) * lanes() + 10 * 16) {
    const int64_t padded = blocks_of(n) * lanes();
    q = memory.take(width * padded);
    k = memory.take(width * n);
    v = memory.take(width * n);
    out = memory.take(width * padded);
    tile = memory.take(n * padded);
    scores = memory.take(n * lanes());
    factors = {memory.take(n), memory.take(n)};
    keys = {memory.take_words(padded), memory.take_words(padded)};
  }
};

/// Columns [at, at + width) of the rows of a window as [D, padded] (lanes are slots), each times its factor.
template <class Row>
HWY_INLINE void pack_columns(int64_t n, int64_t width, const float* factors, const Row& row, float* to) {
  const int64_t padded = blocks_of(n) * lanes();
  for (int64_t i = 0; i < n; ++i) {
    const auto* from = row(i);
    const float factor = factors == nullptr ? 1.0F : factors[i];
    for (int64_t d = 0; d < width; ++d) to[d * padded + i] = factor * to_float(from[d]);
  }
  for (int64_t d = 0; d < width; ++d)
    for (int64_t i = n; i < padded; ++i) to[d * padded + i] = 0;
}

template <class Row>
HWY_INLINE void pack_rows(int64_t n, int64_t width, const float* factors, const Row& row, float* to) {
  for (int64_t i = 0; i < n; ++i) {
    const auto* from = row(i);
    const float factor = factors == nullptr ? 1.0F : factors[i];
    for (int64_t d = 0; d < width; ++d) to[i * width + d] = factor * to_float(from[d]);
  }
}

/// Queries of one block of lanes: scores, softmax and weighted sum; writes out [D, padded] and log_sum.
template <int kWidth, bool kDrops>
HWY_INLINE void attend_block(const ForwardScratch& m, int64_t n, int64_t block, const DropoutMask& mask,
                             float* log_sum) {
  const Lanes d;
  const int64_t width = lanes(), padded = blocks_of(n) * width, first = block * width;
  const float* tile = m.tile + block * n * width;
  Vector highest = hn::Set(d, -std::numeric_limits<float>::infinity());
  {
    Vector q[kWidth];
    for (int c = 0; c < kWidth; ++c) q[c] = hn::Load(d, m.q + c * padded + first);
    for (int64_t j = 0; j < n; ++j) {
      const float* k = m.k + j * kWidth;
      Vector even = hn::Load(d, tile + j * width), odd = hn::Mul(hn::Set(d, k[1]), q[1]);
      even = hn::MulAdd(hn::Set(d, k[0]), q[0], even);
      for (int c = 2; c < kWidth; c += 2) {
        even = hn::MulAdd(hn::Set(d, k[c]), q[c], even);
        odd = hn::MulAdd(hn::Set(d, k[c + 1]), q[c + 1], odd);
      }
      const Vector score = hn::Add(even, odd);
      highest = hn::Max(highest, score);
      hn::Store(score, d, m.scores + j * width);
    }
  }
  Vector sum = hn::Zero(d);
  constexpr int kChunk = kWidth < 16 ? kWidth : 16;
  Vector inverse = sum;
  for (int chunk = 0; chunk < kWidth; chunk += kChunk) {
    Vector out[kChunk];
    for (int c = 0; c < kChunk; ++c) out[c] = hn::Zero(d);
    for (int64_t j = 0; j < n; ++j) {
      Vector weight = hn::Load(d, m.scores + j * width);
      if (chunk == 0) {
        weight = exp2_nonpositive<5>(d, hn::Sub(weight, highest));
        sum = hn::Add(sum, weight);
        if constexpr (kDrops) weight = kept_by_queries(mask, m.keys, first, j, weight);
        if (kWidth > kChunk) hn::Store(weight, d, m.scores + j * width);
      }
      const float* v = m.v + j * kWidth + chunk;
      for (int c = 0; c < kChunk; ++c) out[c] = hn::MulAdd(weight, hn::Set(d, v[c]), out[c]);
    }
    if (chunk == 0) inverse = hn::Div(hn::Set(d, mask.factor), sum);
    for (int c = 0; c < kChunk; ++c) hn::Store(hn::Mul(out[c], inverse), d, m.out + (chunk + c) * padded + first);
  }
  if (log_sum != nullptr) store_log_sum(highest, sum, first, n, log_sum);
}

template <int kWidth, bool kDrops, class T>
HWY_INLINE void attend_all(const AttentionShape& s, const AttentionForward<T>& v, int64_t first, int64_t last) {
  const int64_t n = s.window_tokens, padded = blocks_of(n) * lanes(), c = s.channels();
  ForwardScratch m(n, kWidth);
  for (int64_t unit = first; unit < last; ++unit) {
    const AttentionTask& task = s.tasks[unit / s.heads];
    const int64_t head = unit % s.heads, at = head * kWidth;
    fill_tile<true>(s, v.table, task, head, m.tile);
    for (int64_t index = 0; index < task.count; ++index) {
      const int64_t item = s.items[task.first + index];
      const auto row = [&](int64_t offset) {
        return [&, offset](int64_t i) { return qkv_row(s, v.qkv, v.zero_row, item, i) + offset + at; };
      };
      fill_factors<kWidth>(s, v.variant.temperature, head, row, m.factors);
      m.keys.fill(s, v.variant.mask, item, head);
      pack_columns(n, kWidth, m.factors.q, row(0), m.q);
      pack_rows(n, kWidth, m.factors.k, row(c), m.k);
      pack_rows(n, kWidth, nullptr, row(2 * c), m.v);
      float* log_sum = v.log_sum == nullptr ? nullptr : v.log_sum + (item * s.heads + head) * n;
      for (int64_t block = 0; block < blocks_of(n); ++block)
        attend_block<kWidth, kDrops>(m, n, block, v.variant.mask, log_sum);
      for (int64_t i = 0; i < n; ++i)
        if (T* out = out_row(s, v.out, item, i))
          for (int64_t d = 0; d < kWidth; ++d) assign(out[at + d], m.out[d * padded + i]);
    }
  }
}

struct BackwardScratch {
  float *q, *k, *grad_out, *keys_t, *values, *tile, *weights, *score_gradients;
  float *grad_q, *grad_k, *grad_v, *tile_gradient, *delta, *log_sum;
  Factors factors;
  MaskKeys keys;
  Scratch memory;
  BackwardScratch(int64_t n, int64_t width)
      : memory((10 * width + 2 * n + 2 * lanes() + 8) * blocks_of(n) * lanes() + 20 * 16) {
    const int64_t padded = blocks_of(n) * lanes();
    q = memory.take(n * width);
    k = memory.take(padded * width);
    grad_out = memory.take(n * width);
    keys_t = memory.take(width * padded);
    values = memory.take(width * padded);
    grad_q = memory.take(n * width);
    grad_k = memory.take(width * padded);
    grad_v = memory.take(width * padded);
    tile = memory.take(n * padded);
    tile_gradient = memory.take(n * padded);
    weights = memory.take(n * lanes());
    score_gradients = memory.take(n * lanes());
    delta = memory.take(n);
    log_sum = memory.take(n);
    factors = {memory.take(n), memory.take(n)};
    keys = {memory.take_words(n), memory.take_words(n)};
  }
};

/// Weights and score gradients of all queries with one block of keys.
template <int kWidth, bool kDrops>
HWY_INLINE void pair_gradients(const BackwardScratch& m, int64_t n, int64_t block, const DropoutMask& mask,
                               bool keeps_bias) {
  const Lanes d;
  const int64_t width = lanes(), padded = blocks_of(n) * width, first = block * width;
  const float* tile = m.tile + block * n * width;
  float* tile_gradient = m.tile_gradient + block * n * width;
  Vector k[kWidth], v[kWidth];
  for (int c = 0; c < kWidth; ++c) {
    k[c] = hn::Load(d, m.keys_t + c * padded + first);
    v[c] = hn::Load(d, m.values + c * padded + first);
  }
  for (int64_t i = 0; i < n; ++i) {
    const float *q = m.q + i * kWidth, *g = m.grad_out + i * kWidth;
    Vector score = hn::Sub(hn::Load(d, tile + i * width), hn::Set(d, m.log_sum[i]));
    Vector gradient = kDrops ? hn::Zero(d) : hn::Set(d, -m.delta[i]);
    for (int c = 0; c < kWidth; ++c) {
      score = hn::MulAdd(hn::Set(d, q[c]), k[c], score);
      gradient = hn::MulAdd(hn::Set(d, g[c]), v[c], gradient);
    }
    Vector weight = exp2_nonpositive<5>(d, score);
    if constexpr (kDrops) {
      const RowKey key{m.keys.first[i], m.keys.second[i]};
      const Vector factor = kept_in_row(mask, key, first, hn::Set(d, mask.factor));
      gradient = hn::Mul(weight, hn::MulSub(factor, gradient, hn::Set(d, m.delta[i])));
      weight = hn::Mul(weight, factor);
    } else {
      gradient = hn::Mul(weight, gradient);
    }
    hn::Store(weight, d, m.weights + i * width);
    hn::Store(gradient, d, m.score_gradients + i * width);
    if (keeps_bias) hn::Store(hn::Add(hn::Load(d, tile_gradient + i * width), gradient), d, tile_gradient + i * width);
  }
}

/// Gradients of one block of keys and values, and their share of the queries' gradient.
template <int kWidth>
HWY_INLINE void slot_gradients(const BackwardScratch& m, int64_t n, int64_t block) {
  const Lanes d;
  const int64_t width = lanes(), padded = blocks_of(n) * width, first = block * width;
  constexpr int kChunk = kWidth < 8 ? kWidth : 8;
  for (int chunk = 0; chunk < kWidth; chunk += kChunk) {
    Vector grad_k[kChunk], grad_v[kChunk];
    for (int c = 0; c < kChunk; ++c) grad_k[c] = grad_v[c] = hn::Zero(d);
    for (int64_t i = 0; i < n; ++i) {
      const float *q = m.q + i * kWidth + chunk, *g = m.grad_out + i * kWidth + chunk;
      const Vector weight = hn::Load(d, m.weights + i * width), score = hn::Load(d, m.score_gradients + i * width);
      for (int c = 0; c < kChunk; ++c) {
        grad_k[c] = hn::MulAdd(hn::Set(d, q[c]), score, grad_k[c]);
        grad_v[c] = hn::MulAdd(hn::Set(d, g[c]), weight, grad_v[c]);
      }
    }
    for (int c = 0; c < kChunk; ++c) {
      hn::Store(grad_k[c], d, m.grad_k + (chunk + c) * padded + first);
      hn::Store(grad_v[c], d, m.grad_v + (chunk + c) * padded + first);
    }
  }
  // Lanes are channels here; four queries at a time hide the latency of the sums.
  const hn::CappedTag<float, static_cast<size_t>(kWidth)> dc;
  const auto step = static_cast<int64_t>(hn::Lanes(dc));
  const float* keys = m.k + first * kWidth;
  for (int64_t i = 0; i < n; i += 4) {
    const int64_t i1 = std::min(i + 1, n - 1), i2 = std::min(i + 2, n - 1), i3 = std::min(i + 3, n - 1);
    const float *s0 = m.score_gradients + i * width, *s1 = m.score_gradients + i1 * width;
    const float *s2 = m.score_gradients + i2 * width, *s3 = m.score_gradients + i3 * width;
    for (int64_t c = 0; c < kWidth; c += step) {
      auto a0 = hn::Zero(dc), a1 = a0, a2 = a0, a3 = a0;
      for (int64_t j = 0; j < width; ++j) {
        const auto key = hn::Load(dc, keys + j * kWidth + c);
        a0 = hn::MulAdd(hn::Set(dc, s0[j]), key, a0);
        a1 = hn::MulAdd(hn::Set(dc, s1[j]), key, a1);
        a2 = hn::MulAdd(hn::Set(dc, s2[j]), key, a2);
        a3 = hn::MulAdd(hn::Set(dc, s3[j]), key, a3);
      }
      float* to = m.grad_q + c;
      hn::Store(hn::Add(hn::Load(dc, to + i * kWidth), a0), dc, to + i * kWidth);
      if (i + 1 < n) hn::Store(hn::Add(hn::Load(dc, to + i1 * kWidth), a1), dc, to + i1 * kWidth);
      if (i + 2 < n) hn::Store(hn::Add(hn::Load(dc, to + i2 * kWidth), a2), dc, to + i2 * kWidth);
      if (i + 3 < n) hn::Store(hn::Add(hn::Load(dc, to + i3 * kWidth), a3), dc, to + i3 * kWidth);
    }
  }
}

template <int kWidth, class T>
HWY_INLINE void load_item(const AttentionShape& s, const AttentionBackward<T>& v, int64_t item, int64_t head,
                          const BackwardScratch& m) {
  const int64_t n = s.window_tokens, at = head * kWidth, c = s.channels(), padded = blocks_of(n) * lanes();
  const auto row = [&](int64_t offset) {
    return [&, offset](int64_t i) { return qkv_row(s, v.qkv, v.zero_row, item, i) + offset + at; };
  };
  fill_factors<kWidth>(s, v.variant.temperature, head, row, m.factors);
  m.keys.fill(s, v.variant.mask, item, head);
  pack_rows(n, kWidth, m.factors.q, row(0), m.q);
  pack_rows(n, kWidth, m.factors.k, row(c), m.k);
  for (int64_t i = n * kWidth; i < padded * kWidth; ++i) m.k[i] = 0;
  pack_columns(n, kWidth, m.factors.k, row(c), m.keys_t);
  pack_columns(n, kWidth, nullptr, row(2 * c), m.values);
  for (int64_t i = 0; i < n; ++i) {
    const T* grad = out_row(s, v.grad_out, item, i);
    const T* out = out_row(s, v.out, item, i);
    m.log_sum[i] = kLog2E * v.log_sum[(item * s.heads + head) * n + i];
    m.delta[i] = grad == nullptr ? 0.0F : dot(grad + at, out + at, kWidth);
    for (int64_t d = 0; d < kWidth; ++d) {
      m.grad_out[i * kWidth + d] = grad == nullptr ? 0.0F : to_float(grad[at + d]);
      m.grad_q[i * kWidth + d] = 0;
    }
  }
}

/// Through x -> factor x / |x| with unit vector u: gradient of x from that of the product. Gives u . gradient.
template <int kWidth>
HWY_INLINE float through_unit_vector(const float* u, float factor, float* gradient) {
  const float along = dot(u, gradient, kWidth);
  for (int64_t d = 0; d < kWidth; ++d) gradient[d] = factor * (gradient[d] - u[d] * along);
  return along;
}

/// Gradients of the rows q and k of slot i, in q and k; gives that of the temperature.
template <int kWidth>
HWY_INLINE float row_gradients(const BackwardScratch& m, int64_t n, int64_t i, float scale, const float* temperature,
                               float* q, float* k) {
  const int64_t padded = blocks_of(n) * lanes();
  for (int64_t d = 0; d < kWidth; ++d) {
    q[d] = m.grad_q[i * kWidth + d];
    k[d] = kLn2 * m.grad_k[d * padded + i];
  }
  if (temperature == nullptr) {
    for (int64_t d = 0; d < kWidth; ++d) q[d] *= scale;
    return 0;
  }
  float unit[kWidth];
  for (int64_t d = 0; d < kWidth; ++d) unit[d] = m.q[i * kWidth + d] * (kLn2 / *temperature);
  through_unit_vector<kWidth>(m.k + i * kWidth, m.factors.k[i], k);
  return through_unit_vector<kWidth>(unit, m.factors.q[i] * kLn2, q);
}

/// Gives the item's share of the temperature's gradient.
template <int kWidth, class T>
HWY_INLINE float store_item(const AttentionShape& s, const AttentionBackward<T>& v, int64_t item, int64_t head,
                            const BackwardScratch& m, float* zero_row) {
  const int64_t n = s.window_tokens, at = head * kWidth, c = s.channels(), padded = blocks_of(n) * lanes();
  const float* temperature = v.variant.temperature == nullptr ? nullptr : v.variant.temperature + head;
  float sum = 0, q[kWidth], k[kWidth];
  for (int64_t i = 0; i < n; ++i) {
    const int64_t token = s.source[item % s.windows * n + i];
    sum += row_gradients<kWidth>(m, n, i, s.scale, temperature, q, k);
    if (token == s.tokens) {
      for (int64_t d = 0; d < kWidth; ++d) {
        zero_row[d] += q[d];
        zero_row[kWidth + d] += k[d];
        zero_row[2 * kWidth + d] += m.grad_v[d * padded + i];
      }
      continue;
    }
    T* to = v.grad_qkv + (item / s.windows * s.tokens + token) * 3 * c + at;
    for (int64_t d = 0; d < kWidth; ++d) {
      assign(to[d], q[d]);
      assign(to[c + d], k[d]);
      assign(to[2 * c + d], m.grad_v[d * padded + i]);
    }
  }
  return sum;
}

template <int kWidth, bool kDrops, class T>
HWY_INLINE void attend_all_backward(const AttentionShape& s, const AttentionBackward<T>& v, int64_t first,
                                    int64_t last) {
  const int64_t n = s.window_tokens, width = lanes();
  BackwardScratch m(n, kWidth);
  for (int64_t unit = first; unit < last; ++unit) {
    const AttentionTask& task = s.tasks[unit / s.heads];
    const int64_t head = unit % s.heads;
    fill_tile<false>(s, v.table, task, head, m.tile);
    std::fill_n(m.tile_gradient, blocks_of(n) * n * width, 0.0F);
    float temperature = 0;
    float* zero_row = v.partial_zero_row == nullptr ? nullptr : v.partial_zero_row + unit * 3 * kWidth;
    for (int64_t index = 0; index < task.count; ++index) {
      const int64_t item = s.items[task.first + index];
      load_item<kWidth>(s, v, item, head, m);
      for (int64_t block = 0; block < blocks_of(n); ++block) {
        pair_gradients<kWidth, kDrops>(m, n, block, v.variant.mask, v.partial_bias != nullptr);
        slot_gradients<kWidth>(m, n, block);
      }
      temperature += store_item<kWidth>(s, v, item, head, m, zero_row);
    }
    if (v.partial_temperature != nullptr) v.partial_temperature[unit] = temperature;
    if (v.partial_bias == nullptr) continue;
    store_tile_gradient(n, m.tile_gradient, v.partial_bias + unit * n * n);
  }
}

template <int kWidth, class T>
HWY_INLINE void forward_width(const AttentionShape& s, const AttentionForward<T>& v, int64_t first, int64_t last) {
  v.variant.mask.drops() ? attend_all<kWidth, true>(s, v, first, last) : attend_all<kWidth, false>(s, v, first, last);
}

template <class T>
HWY_INLINE void forward_any(const AttentionShape& s, const AttentionForward<T>& v, int64_t first, int64_t last) {
  if (s.head_width == 8) forward_width<8>(s, v, first, last);
  if (s.head_width == 16) forward_width<16>(s, v, first, last);
  if (s.head_width == 32) forward_width<32>(s, v, first, last);
}

template <int kWidth, class T>
HWY_INLINE void backward_width(const AttentionShape& s, const AttentionBackward<T>& v, int64_t first, int64_t last) {
  v.variant.mask.drops() ? attend_all_backward<kWidth, true>(s, v, first, last)
                         : attend_all_backward<kWidth, false>(s, v, first, last);
}

template <class T>
HWY_INLINE void backward_any(const AttentionShape& s, const AttentionBackward<T>& v, int64_t first, int64_t last) {
  if (s.head_width == 8) backward_width<8>(s, v, first, last);
  if (s.head_width == 16) backward_width<16>(s, v, first, last);
  if (s.head_width == 32) backward_width<32>(s, v, first, last);
}

void forward_f32(const AttentionShape& s, const AttentionForward<float>& v, int64_t first, int64_t last) {
  forward_any(s, v, first, last);
}
void forward_bf16(const AttentionShape& s, const AttentionForward<Bfloat16>& v, int64_t first, int64_t last) {
  forward_any(s, v, first, last);
}
void backward_f32(const AttentionShape& s, const AttentionBackward<float>& v, int64_t first, int64_t last) {
  backward_any(s, v, first, last);
}
void backward_bf16(const AttentionShape& s, const AttentionBackward<Bfloat16>& v, int64_t first, int64_t last) {
  backward_any(s, v, first, last);
}

}  // namespace pear::sphere::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pear::sphere {
HWY_EXPORT(forward_f32);
HWY_EXPORT(forward_bf16);
HWY_EXPORT(backward_f32);
HWY_EXPORT(backward_bf16);

bool has_vectorised_attention(int64_t head_width) { return head_width == 8 || head_width == 16 || head_width == 32; }

void attend_units(const AttentionShape& shape, const AttentionForward<float>& view, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(forward_f32)(shape, view, first, last);
}
void attend_units(const AttentionShape& shape, const AttentionForward<Bfloat16>& view, int64_t first, int64_t last) {
  HWY_DYNAMIC_DISPATCH(forward_bf16)(shape, view, first, last);
}
void attend_units_backward(const AttentionShape& shape, const AttentionBackward<float>& view, int64_t first,
                           int64_t last) {
  HWY_DYNAMIC_DISPATCH(backward_f32)(shape, view, first, last);
}
void attend_units_backward(const AttentionShape& shape, const AttentionBackward<Bfloat16>& view, int64_t first,
                           int64_t last) {
  HWY_DYNAMIC_DISPATCH(backward_bf16)(shape, view, first, last);
}

}  // namespace pear::sphere
#endif  // HWY_ONCE
