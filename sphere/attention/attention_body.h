// Window attention of one slot of a window: the bodies that attention_cuda.cu runs as one thread each, in phases with
// the tile of the window in shared memory. They are constexpr, which makes them device functions for nvcc, and are
// tested on the CPU, phase by phase. The vectorised CPU path (attention_cpu.cpp) has the same formulas in loops over
// lanes.
#pragma once

#include <bit>
#include <cmath>

#include "sphere/attention/attention_views.h"

namespace pear::sphere {

constexpr float to_float(float x) { return x; }
constexpr float to_float(Bfloat16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16); }

constexpr void assign(float& to, float x) { to = x; }
/// Rounds to nearest even; a NaN stays one.
constexpr void assign(Bfloat16& to, float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
  to.bits = static_cast<uint16_t>(is_nan ? 0x7FC0U : (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

/// Row of q, k and v of slot i of one item.
template <class T>
constexpr const T* qkv_row(const AttentionShape& s, const T* qkv, const T* zero_row, int64_t item, int64_t i) {
  const int64_t token = s.source[item % s.windows * s.window_tokens + i];
  return token == s.tokens ? zero_row : qkv + (item / s.windows * s.tokens + token) * 3 * s.channels();
}

/// Row of an output-like tensor [B, tokens, C]; null for the zero token.
template <class T>
constexpr T* out_row(const AttentionShape& s, T* out, int64_t item, int64_t i) {
  const int64_t token = s.source[item % s.windows * s.window_tokens + i];
  return token == s.tokens ? nullptr : out + (item / s.windows * s.tokens + token) * s.channels();
}

/// Position bias and mask of a pair of slots.
constexpr float additive(const AttentionShape& s, const float* table, const AttentionTask& task, int64_t head,
                         int64_t i, int64_t j) {
  const int64_t pair = i * s.window_tokens + j;
  float a = table == nullptr ? 0.0F : table[(task.type * s.heads + head) * s.table_length + s.table_index[pair]];
  if (task.mask >= 0 && s.masks[task.mask * s.window_tokens * s.window_tokens + pair] != 0) a += s.mask_value;
  return a;
}

template <class T>
constexpr float dot(const T* a, const T* b, int64_t count) {
  float sum = 0;
  for (int64_t d = 0; d < count; ++d) sum += to_float(a[d]) * to_float(b[d]);
  return sum;
}

/// q (scaled), k, v and the output's gradient of every slot of one window and head, each [N, D], and per slot the log
/// of the sum of exponentials and the dot product of output and its gradient. The forward pass uses k and v only.
struct WindowTile {
  float *q = nullptr, *k = nullptr, *v = nullptr, *grad = nullptr;
  float *log_sum = nullptr, *delta = nullptr;
};
/// Floats of a tile.
constexpr int64_t forward_tile_size(int64_t n, int64_t width) { return 2 * n * width; }
constexpr int64_t backward_tile_size(int64_t n, int64_t width) { return (4 * width + 2) * n; }

constexpr WindowTile forward_tile(float* memory, int64_t n, int64_t width) {
  return {.k = memory, .v = memory + n * width};
}
constexpr WindowTile backward_tile(float* memory, int64_t n, int64_t width) {
  const int64_t part = n * width;
  return {.q = memory,
          .k = memory + part,
          .v = memory + 2 * part,
          .grad = memory + 3 * part,
          .log_sum = memory + 4 * part,
          .delta = memory + 4 * part + n};
}

/// One window of one sample, one head.
struct WindowUnit {
  AttentionTask task;
  int64_t item, head;
};

template <int D, class T>
constexpr void load_row(const T* from, float factor, float* to) {
  for (int d = 0; d < D; ++d) to[d] = factor * to_float(from[d]);
}

/// Forward, first phase: k and v of a slot.
template <int D, class T>
constexpr void load_slot(const AttentionShape& s, const AttentionForward<T>& v, const WindowUnit& u, int64_t i,
                         const WindowTile& tile) {
  const T* row = qkv_row(s, v.qkv, v.zero_row, u.item, i) + u.head * D;
  load_row<D>(row + s.channels(), 1.0F, tile.k + i * D);
  load_row<D>(row + 2 * s.channels(), 1.0F, tile.v + i * D);
}

/// Forward, second phase: softmax and weighted sum of one query in one pass over the keys; a higher score rescales
/// what was added before it.
template <int D, class T>
constexpr void attend_slot(const AttentionShape& s, const AttentionForward<T>& v, const WindowUnit& u, int64_t i,
                           const WindowTile& tile) {
  float q[D] = {}, sums[D] = {};
  load_row<D>(qkv_row(s, v.qkv, v.zero_row, u.item, i) + u.head * D, s.scale, q);
  float highest = -INFINITY, sum = 0;
  for (int64_t j = 0; j < s.window_tokens; ++j) {
    const float score = additive(s, v.table, u.task, u.head, i, j) + dot(q, tile.k + j * D, D);
    if (score > highest) {
      const float factor = expf(highest - score);
      sum *= factor;
      for (int d = 0; d < D; ++d) sums[d] *= factor;
      highest = score;
    }
    const float weight = expf(score - highest);
    sum += weight;
    for (int d = 0; d < D; ++d) sums[d] += weight * tile.v[j * D + d];
  }
  if (v.log_sum != nullptr) v.log_sum[(u.item * s.heads + u.head) * s.window_tokens + i] = highest + logf(sum);
  T* out = out_row(s, v.out, u.item, i);
  if (out == nullptr) return;
  for (int d = 0; d < D; ++d) assign(out[u.head * D + d], sums[d] / sum);
}

/// Backward, first phase: everything of a slot; a zero token has no gradient.
template <int D, class T>
constexpr void load_slot(const AttentionShape& s, const AttentionBackward<T>& v, const WindowUnit& u, int64_t i,
                         const WindowTile& tile) {
  const T* row = qkv_row(s, v.qkv, v.zero_row, u.item, i) + u.head * D;
  load_row<D>(row, s.scale, tile.q + i * D);
  load_row<D>(row + s.channels(), 1.0F, tile.k + i * D);
  load_row<D>(row + 2 * s.channels(), 1.0F, tile.v + i * D);
  const T *grad = out_row(s, v.grad_out, u.item, i), *out = out_row(s, v.out, u.item, i);
  tile.log_sum[i] = v.log_sum[(u.item * s.heads + u.head) * s.window_tokens + i];
  tile.delta[i] = grad == nullptr ? 0.0F : dot(grad + u.head * D, out + u.head * D, D);
  for (int d = 0; d < D; ++d) tile.grad[i * D + d] = grad == nullptr ? 0.0F : to_float(grad[u.head * D + d]);
}

/// Weight p_ij and gradient of the score, p_ij (grad_out_i . v_j - grad_out_i . out_i).
struct PairGradient {
  float weight, score;
};

template <int D>
constexpr PairGradient pair_gradient(const AttentionShape& s, const float* table, const WindowUnit& u,
                                     const WindowTile& tile, int64_t i, int64_t j) {
  const float score = additive(s, table, u.task, u.head, i, j) + dot(tile.q + i * D, tile.k + j * D, D);
  const float weight = expf(score - tile.log_sum[i]);
  return {weight, weight * (dot(tile.grad + i * D, tile.v + j * D, D) - tile.delta[i])};
}

/// Gradients of one slot of one head.
template <int D>
struct SlotGradient {
  float q[D] = {}, k[D] = {}, v[D] = {};
};

/// Backward, second phase: a slot as key (k and v; adds to its column of partial_bias) and as query (q).
template <int D, class T>
constexpr SlotGradient<D> slot_gradient(const AttentionShape& s, const AttentionBackward<T>& v, const WindowUnit& u,
                                        int64_t slot, const WindowTile& tile, float* partial_bias) {
  SlotGradient<D> g;
  const int64_t n = s.window_tokens;
  for (int64_t i = 0; i < n; ++i) {
    const PairGradient as_key = pair_gradient<D>(s, v.table, u, tile, i, slot);
    if (partial_bias != nullptr) partial_bias[i * n + slot] += as_key.score;
    for (int d = 0; d < D; ++d) {
      g.k[d] += as_key.score * tile.q[i * D + d];
      g.v[d] += as_key.weight * tile.grad[i * D + d];
    }
  }
  for (int64_t j = 0; j < n; ++j) {
    const float as_query = s.scale * pair_gradient<D>(s, v.table, u, tile, slot, j).score;
    for (int d = 0; d < D; ++d) g.q[d] += as_query * tile.k[j * D + d];
  }
  return g;
}

/// Backward, third phase, when nobody reads the tile any more: a token's gradients go to memory, a zero token's to the
/// tile (q, k, v; zero for other slots), where `zero_row_sum` finds them.
template <int D, class T>
constexpr void store_slot(const AttentionShape& s, const AttentionBackward<T>& v, const WindowUnit& u, int64_t slot,
                          const SlotGradient<D>& g, const WindowTile& tile) {
  const int64_t token = s.source[u.item % s.windows * s.window_tokens + slot], c = s.channels();
  const bool is_zero = token == s.tokens;
  for (int d = 0; d < D; ++d) {
    tile.q[slot * D + d] = is_zero ? g.q[d] : 0.0F;
    tile.k[slot * D + d] = is_zero ? g.k[d] : 0.0F;
    tile.v[slot * D + d] = is_zero ? g.v[d] : 0.0F;
  }
  if (is_zero) return;
  T* to = v.grad_qkv + (u.item / s.windows * s.tokens + token) * 3 * c + u.head * D;
  for (int d = 0; d < D; ++d) {
    assign(to[d], g.q[d]);
    assign(to[c + d], g.k[d]);
    assign(to[2 * c + d], g.v[d]);
  }
}

/// Backward, fourth phase: entry [0, 3 D) of the zero row's gradient from one window.
template <int D>
constexpr float zero_row_sum(const WindowTile& tile, int64_t n, int64_t entry) {
  const float* rows = entry < D ? tile.q : entry < 2 * D ? tile.k : tile.v;
  float sum = 0;
  for (int64_t slot = 0; slot < n; ++slot) sum += rows[slot * D + entry % D];
  return sum;
}

}  // namespace pear::sphere
