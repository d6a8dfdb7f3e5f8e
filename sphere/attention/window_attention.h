// Multi-head self-attention inside windows, with an additive position bias and the masks of a partition.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/types.h>

#include <cstdint>

#include "sphere/attention/attention_plan.h"
#include "sphere/attention/position_bias.h"
#include "sphere/window/window_partition.h"

namespace pear::sphere {

enum class AttentionKind { Dot, Cosine };

struct AttentionOptions {
  int64_t channels = 1;
  int64_t heads = 1;
  AttentionKind kind = AttentionKind::Dot;
  BiasShape bias;  ///< heads and window_tokens are filled in by the attention
  double attention_dropout = 0, dropout = 0;
  double mask_value = -100.0;  ///< added to the score of a masked pair
};

/// softmax(q k^T / sqrt(D) + bias + mask) v, or with unit vectors and a learned temperature (cosine).
///
/// Shapes:  x [B, Z, P, C] -> the same.
/// Source:  Swin V1/V2; PEAR and HEAL-SWIN programs. Parameters qkv, proj, position_bias.table, log_scale [H].
/// Errors:  ShapeError if C is no multiple of the heads or N is not the partition's.
class WindowAttentionImpl : public torch::nn::Module {
 public:
  explicit WindowAttentionImpl(const AttentionOptions& options, int64_t window_tokens);
  /// In one pass where fused_attention has a path, else by gathering, `compose` and scattering.
  torch::Tensor forward(const torch::Tensor& x, const WindowPartition& partition);
  /// The composition of tensor operations on windows [B, W, N, C] in the internal order: any type, device and dropout.
  torch::Tensor compose(const torch::Tensor& x, const WindowPartition& partition);

  torch::nn::Linear qkv{nullptr}, proj{nullptr};
  PositionBias position_bias{nullptr};
  torch::Tensor log_scale;  ///< only for cosine attention

 private:
  torch::Tensor attend(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                       const torch::Tensor& additive);
  torch::Tensor drop(const torch::Tensor& y) const;
  /// Learned factor of each head [H, 1] of cosine attention.
  torch::Tensor temperature() const;
  torch::Tensor with_unit_vectors(const torch::Tensor& rows) const;
  AttentionOptions options_;
  int64_t window_tokens_;
  AttentionPlanPtr plan_;  ///< of the last fused call
};
TORCH_MODULE(WindowAttention);

/// The composition that every faster path must equal: matmul, add, softmax, matmul.
/// Shapes: q, k, v [..., H, N, D] (q already scaled); additive broadcasts to [..., H, N, N] or is undefined.
torch::Tensor attend_composed(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                              const torch::Tensor& additive, double dropout, bool training);

}  // namespace pear::sphere
