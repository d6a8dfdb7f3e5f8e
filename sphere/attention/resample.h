// Between resolutions of the nested grid: four children become one token, and back.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/types.h>

namespace pear::sphere {

/// Concatenates the children 4n … 4n+3 of nested pixel n, LayerNorm(4C), Linear 4C -> 2C without bias.
/// Shapes:  [B, Z, P, C] -> [B, Z, P/4, 2C].  Errors: ShapeError if P is no multiple of 4.
class PatchMergeImpl : public torch::nn::Module {
 public:
  explicit PatchMergeImpl(int64_t channels);
  torch::Tensor forward(const torch::Tensor& x);
  torch::nn::LayerNorm norm{nullptr};
  torch::nn::Linear reduction{nullptr};
};
TORCH_MODULE(PatchMerge);

/// Linear C -> 2C without bias, group k of C/2 to child k, LayerNorm(C/2), optional Linear C/2 -> C/2 without bias.
/// Shapes:  [B, Z, P, C] -> [B, Z, 4P, C/2].
class PatchExpandImpl : public torch::nn::Module {
 public:
  PatchExpandImpl(int64_t channels, bool output_linear);
  torch::Tensor forward(const torch::Tensor& x);
  torch::nn::Linear expand{nullptr};
  torch::nn::LayerNorm norm{nullptr};
  torch::nn::Linear linear{nullptr};  ///< empty without output_linear
};
TORCH_MODULE(PatchExpand);

}  // namespace pear::sphere
