// Between resolutions: four children become one token, and back. Nested grids have consecutive children; others say so.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/types.h>

#include "sphere/window/child_map.h"

namespace pear::sphere {

/// Concatenates the four children of a token (4n … 4n+3 without a map), LayerNorm(4C), Linear 4C -> 2C without bias.
/// Shapes:  [B, Z, P, C] -> [B, Z, P/4, 2C], with a map [B, Z, its coarse cells, 2C].
/// Errors:  ShapeError if P is no multiple of 4, or not the map's.
class PatchMergeImpl : public torch::nn::Module {
 public:
  explicit PatchMergeImpl(int64_t channels, ChildMapPtr children = nullptr);
  torch::Tensor forward(const torch::Tensor& x);
  torch::nn::LayerNorm norm{nullptr};
  torch::nn::Linear reduction{nullptr};

 private:
  ChildMapPtr children_;
};
TORCH_MODULE(PatchMerge);

/// Linear C -> 2C without bias, group k of C/2 to child k, LayerNorm(C/2), optional Linear C/2 -> C/2 without bias.
/// Zero children of the map are dropped before the LayerNorm.
/// Shapes:  [B, Z, P, C] -> [B, Z, 4P, C/2], with a map [B, Z, its fine cells, C/2].
class PatchExpandImpl : public torch::nn::Module {
 public:
  PatchExpandImpl(int64_t channels, bool output_linear, ChildMapPtr children = nullptr);
  torch::Tensor forward(const torch::Tensor& x);
  torch::nn::Linear expand{nullptr};
  torch::nn::LayerNorm norm{nullptr};
  torch::nn::Linear linear{nullptr};  ///< empty without output_linear

 private:
  ChildMapPtr children_;
};
TORCH_MODULE(PatchExpand);

}  // namespace pear::sphere
