// Window attention, one query or key at a time: the formulas without loops over windows, for a kernel that launches
// them. The vectorised CPU path (attention_cpu.cpp) replaces the loops, not the formulas; tests compare the two.
#pragma once

#include <cmath>
#include <cstring>

#include "sphere/attention/attention_views.h"

namespace pear::sphere {

inline float to_float(float x) { return x; }
inline float to_float(Bfloat16 x) {
  const uint32_t bits = static_cast<uint32_t>(x.bits) << 16;
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

inline void assign(float& to, float x) { to = x; }
/// Rounds to nearest even; a NaN stays one.
inline void assign(Bfloat16& to, float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof(bits));
  const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  to.bits = static_cast<uint16_t>(is_nan ? 0x7FC0U : (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

/// Row of q, k and v of slot i of one item.
template <class T>
inline const T* qkv_row(const AttentionShape& s, const T* qkv, const T* zero_row, int64_t item, int64_t i) {
  const int64_t token = s.source[item % s.windows * s.window_tokens + i];
  return token == s.tokens ? zero_row : qkv + (item / s.windows * s.tokens + token) * 3 * s.channels();
}

/// Row of an output-like tensor [B, tokens, C]; null for the zero token.
template <class T>
inline T* out_row(const AttentionShape& s, T* out, int64_t item, int64_t i) {
  const int64_t token = s.source[item % s.windows * s.window_tokens + i];
  return token == s.tokens ? nullptr : out + (item / s.windows * s.tokens + token) * s.channels();
}

/// Position bias and mask of a pair of slots.
inline float additive(const AttentionShape& s, const float* table, const AttentionTask& task, int64_t head, int64_t i,
                      int64_t j) {
  const int64_t pair = i * s.window_tokens + j;
  float a = table == nullptr ? 0.0F : table[(task.type * s.heads + head) * s.table_length + s.table_index[pair]];
  if (task.mask >= 0 && s.masks[task.mask * s.window_tokens * s.window_tokens + pair] != 0) a += s.mask_value;
  return a;
}

template <class T>
inline float dot(const T* a, const T* b, int64_t count) {
  float sum = 0;
  for (int64_t d = 0; d < count; ++d) sum += to_float(a[d]) * to_float(b[d]);
  return sum;
}

/// Score of a pair: scale q_i . k_j + bias + mask.
template <class View>
inline float score(const AttentionShape& s, const View& v, const AttentionTask& task, int64_t item, int64_t head,
                   int64_t i, int64_t j) {
  const auto* q = qkv_row(s, v.qkv, v.zero_row, item, i) + head * s.head_width;
  const auto* k = qkv_row(s, v.qkv, v.zero_row, item, j) + s.channels() + head * s.head_width;
  return additive(s, v.table, task, head, i, j) + s.scale * dot(q, k, s.head_width);
}

/// out_i = sum_j softmax_j(score_ij) v_j of one query.
template <class T>
inline void attend_query(const AttentionShape& s, const AttentionForward<T>& v, const AttentionTask& task, int64_t item,
                         int64_t head, int64_t i) {
  const int64_t n = s.window_tokens, width = s.head_width;
  float highest = -INFINITY, sum = 0;
  for (int64_t j = 0; j < n; ++j) highest = fmaxf(highest, score(s, v, task, item, head, i, j));
  for (int64_t j = 0; j < n; ++j) sum += expf(score(s, v, task, item, head, i, j) - highest);
  const float log_sum = highest + logf(sum);
  if (v.log_sum != nullptr) v.log_sum[(item * s.heads + head) * n + i] = log_sum;
  T* out = out_row(s, v.out, item, i);
  if (out == nullptr) return;
  for (int64_t d = 0; d < width; ++d) {
    float value = 0;
    for (int64_t j = 0; j < n; ++j)
      value += expf(score(s, v, task, item, head, i, j) - log_sum) *
               to_float(qkv_row(s, v.qkv, v.zero_row, item, j)[2 * s.channels() + head * width + d]);
    assign(out[head * width + d], value);
  }
}

/// Weight p_ij and gradient of the score, p_ij (grad_out_i . v_j - grad_out_i . out_i).
struct PairGradient {
  float weight, score;
};

template <class T>
inline PairGradient pair_gradient(const AttentionShape& s, const AttentionBackward<T>& v, const AttentionTask& task,
                                  int64_t item, int64_t head, int64_t i, int64_t j) {
  const int64_t width = s.head_width;
  const T* grad = out_row(s, v.grad_out, item, i);
  if (grad == nullptr) return {0, 0};
  const T* out = out_row(s, v.out, item, i);
  const T* value = qkv_row(s, v.qkv, v.zero_row, item, j) + 2 * s.channels();
  const int64_t at = head * width;
  const float p = expf(score(s, v, task, item, head, i, j) - v.log_sum[(item * s.heads + head) * s.window_tokens + i]);
  return {p, p * (dot(grad + at, value + at, width) - dot(grad + at, out + at, width))};
}

/// Gradients of q, k and v of one slot, [3, D] of one head.
template <class T>
inline void slot_gradient(const AttentionShape& s, const AttentionBackward<T>& v, const AttentionTask& task,
                          int64_t item, int64_t head, int64_t slot, float* grad) {
  const int64_t n = s.window_tokens, width = s.head_width, at = head * width, c = s.channels();
  for (int64_t d = 0; d < 3 * width; ++d) grad[d] = 0;
  for (int64_t other = 0; other < n; ++other) {
    const float as_query = pair_gradient(s, v, task, item, head, slot, other).score * s.scale;
    const PairGradient as_key = pair_gradient(s, v, task, item, head, other, slot);
    const T* row = qkv_row(s, v.qkv, v.zero_row, item, other);
    const T* grad_out = out_row(s, v.grad_out, item, other);
    for (int64_t d = 0; d < width; ++d) {
      grad[d] += as_query * to_float(row[c + at + d]);
      grad[width + d] += as_key.score * s.scale * to_float(row[at + d]);
      if (grad_out != nullptr) grad[2 * width + d] += as_key.weight * to_float(grad_out[at + d]);
    }
  }
}

/// Sum over the task's items of the gradient of one score.
template <class T>
inline float bias_gradient(const AttentionShape& s, const AttentionBackward<T>& v, const AttentionTask& task,
                           int64_t head, int64_t i, int64_t j) {
  float sum = 0;
  for (int32_t n = 0; n < task.count; ++n) sum += pair_gradient(s, v, task, s.items[task.first + n], head, i, j).score;
  return sum;
}

}  // namespace pear::sphere
