// Window attention in one pass: scores, bias, mask, softmax and weighted sum without storing a score.
#pragma once

#include <torch/types.h>

#include "sphere/attention/attention_plan.h"

namespace pear::sphere {

/// What the fused path needs beside the tokens.
struct FusedAttentionInput {
  torch::Tensor qkv;                 ///< [B, Z P, 3C], float32 or bfloat16: q, k, v of each token, [3, H, D]
  torch::Tensor zero_row;            ///< [3C], q, k, v of a zero token; used only if the partition has such tokens
  torch::Tensor table;               ///< [T, H, R] position bias, used in float32; undefined = none
  torch::Tensor index;               ///< int64 [N, N] -> R; undefined = i N + j
  AttentionPlanPtr* plan = nullptr;  ///< kept from call to call where given; made anew when it does not fit
  torch::Tensor temperature =
      {};              ///< [H] float32: cosine attention, scores are t (q / |q|) . (k / |k|); else undefined
  double dropout = 0;  ///< of the weights
};

/// Tokens stay where they are: windows are read and written through the partition's index list.
///
/// Shapes:  as above -> [B, Z P, C] in the type of qkv; differentiable in qkv, zero_row, table and temperature.
/// Source:  Dao et al. 2022 (arXiv 2205.14135) for the recomputation in the backward pass; sphere-core design
///          section 6.
/// Errors:  ShapeError if the sizes disagree or a device is asked for temperature or dropout, DeviceError of the
/// device. Cost:    memory O(tokens), time O(windows N^2 D). Sums over windows are added in an order that depends on
/// the shapes
///          only, never on the number of threads.
torch::Tensor fused_attention(const FusedAttentionInput& input, const WindowPartition& partition, int64_t heads,
                              double scale, double mask_value);

/// With a temperature or dropout: on the CPU only. Whether fused_attention has a path for the q, k, v of tokens x: in
/// float32 or bfloat16 once autocast has chosen their type, head width 8, 16 or 32, on the CPU or (windows of at most
/// 1024 tokens) on a CUDA device.
bool can_fuse_attention(const torch::Tensor& x, int64_t head_width, int64_t window_tokens);

}  // namespace pear::sphere
