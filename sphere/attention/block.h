// The transformer block of every window model on the sphere.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/types.h>

#include "sphere/attention/window_attention.h"

namespace pear::sphere {

/// ResPost: x + DP(LN(A(x))), x + DP(LN(M(x))).  Pre: x + DP(A(LN(x))), x + DP(M(LN(x))).
enum class NormPlacement { ResPost, Pre };

struct BlockOptions {
  AttentionOptions attention;
  NormPlacement norm = NormPlacement::ResPost;
  int64_t mlp_ratio = 4;
  double drop_path = 0;  ///< probability that a sample skips a branch
};

/// Linear, exact GELU, Linear; by fused_mlp where it has a path.
class MlpImpl : public torch::nn::Module {
 public:
  MlpImpl(int64_t channels, int64_t hidden, double dropout);
  torch::Tensor forward(const torch::Tensor& x);
  torch::nn::Linear fc1{nullptr}, fc2{nullptr};

 private:
  double dropout_;
};
TORCH_MODULE(Mlp);

/// Shapes:  x [B, Z, P, C] -> the same; the partition says how Z x P is cut into windows.
/// Source:  sphere-core design section 6. LayerNorm eps 1e-5.
class BlockImpl : public torch::nn::Module {
 public:
  BlockImpl(const BlockOptions& options, PartitionPtr partition);
  torch::Tensor forward(torch::Tensor x);

  torch::nn::LayerNorm norm1{nullptr}, norm2{nullptr};
  WindowAttention attn{nullptr};
  Mlp mlp{nullptr};

 private:
  torch::Tensor attend(const torch::Tensor& x);
  /// Of each sample [B]: 0 where it skips the branch, else 1 over the share that does not; undefined: none skips.
  torch::Tensor path_factors(const torch::Tensor& branch) const;
  torch::Tensor drop_path(const torch::Tensor& branch) const;
  /// x + DP(LN(branch))
  torch::Tensor add_normed(const torch::Tensor& x, const torch::Tensor& branch, torch::nn::LayerNorm& norm) const;
  BlockOptions options_;
  PartitionPtr partition_;
};
TORCH_MODULE(Block);

}  // namespace pear::sphere
