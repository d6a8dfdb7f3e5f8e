// Plain views that the attention kernels work on: no Torch, so that every kernel file compiles fast.
#pragma once

#include <cstdint>

#include "sphere/attention/dropout_mask.h"

namespace pear::sphere {

/// Bits of a bfloat16 value: the upper half of a float.
struct Bfloat16 {
  uint16_t bits;
};

/// Windows that share one additive tile; one unit of work per head.
struct AttentionTask {
  int32_t first, count;  ///< range of `items`
  int32_t mask;          ///< which mask, -1 = none
  int32_t type;          ///< bias type
};

/// Everything that does not depend on the values. Items are windows of samples, b * windows + w.
struct AttentionShape {
  int64_t batch = 0, tokens = 0, windows = 0, window_tokens = 0;
  int64_t heads = 0, head_width = 0;
  int64_t num_types = 0, table_length = 0;  ///< 0 types: no bias
  int64_t num_tasks = 0;
  float scale = 1, mask_value = 0;
  const int64_t* source = nullptr;       ///< [windows, N]: token of each slot; `tokens` = zero token
  const int32_t* table_index = nullptr;  ///< [N, N] -> entry of the table
  const uint8_t* masks = nullptr;        ///< [M, N, N], 1 = the pair must not see each other
  const int32_t* items = nullptr;        ///< [batch * windows], ordered by task
  const AttentionTask* tasks = nullptr;

  int64_t channels() const { return heads * head_width; }
};

/// What only the loops on the CPU know.
struct AttentionVariant {
  const float* temperature = nullptr;  ///< [H]: cosine attention, q and k are made unit vectors; null: s.scale q.k
  DropoutMask mask = {};               ///< of the weights; row = (item H + head) N + query, column = key
};

/// q, k, v of a token lie in one row: [3, H, D].
template <class T>
struct AttentionForward {
  const T* qkv = nullptr;        ///< [B, tokens, 3C]
  const T* zero_row = nullptr;   ///< [3C] of the zero token; null if there is none
  const float* table = nullptr;  ///< [types, H, R]; null: no bias
  T* out = nullptr;              ///< [B, tokens, C]
  float* log_sum = nullptr;      ///< [B, windows, H, N]: log of the sum of exponentials; null: not wanted
  AttentionVariant variant = {};
};

/// Gradients; the partial ones have one row per (task, head) and are added afterwards in a fixed order.
template <class T>
struct AttentionBackward {
  const T* qkv = nullptr;
  const T* zero_row = nullptr;
  const float* table = nullptr;
  const T* out = nullptr;
  const float* log_sum = nullptr;
  const T* grad_out = nullptr;        ///< [B, tokens, C]
  T* grad_qkv = nullptr;              ///< [B, tokens, 3C]
  float* partial_bias = nullptr;      ///< [tasks, H, N, N]; null: not wanted
  float* partial_zero_row = nullptr;  ///< [tasks, H, 3, D]; null: no zero token
  AttentionVariant variant = {};
  float* partial_temperature = nullptr;  ///< [tasks, H]; with a temperature
};

}  // namespace pear::sphere
