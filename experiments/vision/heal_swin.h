// HEAL-SWIN: a U-shaped window transformer on nested HEALPix pixels, from the blocks of sphere/.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/conv.h>
#include <torch/types.h>

#include "experiments/vision/heal_swin_config.h"
#include "sphere/attention/u_shape.h"

namespace pear::vision {

/// Convolution over `patch` consecutive pixels. Shapes: [B, channels, P] -> [B, 1, P / patch, embed].
class PatchEmbedImpl : public torch::nn::Module {
 public:
  explicit PatchEmbedImpl(const HealSwinConfig& config);
  torch::Tensor forward(const torch::Tensor& x);
  torch::nn::Conv1d proj{nullptr};
};
TORCH_MODULE(PatchEmbed);

/// Linear C -> patch * C without bias, group k to pixel k.
struct PatchSplitImpl : torch::nn::Module {
  PatchSplitImpl(int64_t channels, int64_t patch);
  /// [B, 1, T, C] -> [B, T * patch, C], normalised.
  torch::Tensor forward(const torch::Tensor& x);
  torch::nn::Linear expand{nullptr};
  torch::nn::LayerNorm norm{nullptr};
};
TORCH_MODULE(PatchSplit);

/// Tokens to pixels, then a linear map of each pixel without bias. Shapes: [B, 1, T, C] -> [B, outputs, T * patch].
class HeadImpl : public torch::nn::Module {
 public:
  explicit HeadImpl(const HealSwinConfig& config);
  torch::Tensor forward(const torch::Tensor& x);
  PatchSplit up{nullptr};
  torch::nn::Conv1d output{nullptr};
};
TORCH_MODULE(Head);

/// Shapes:  x [B, in_channels, P] in nested order, P = base_pixels * nside^2 -> [B, outputs, P].
/// Source:  HEAL-SWIN (CVPR 2024), program b88af4c; sphere-core design section 9.
/// Errors:  ConfigError `Invalid`; ShapeError `SizeMismatch` if x has other extents.
/// Parameters: patch_embed.proj, trunk (u_shape.h), head.up.{expand,norm}, head.output (published_names.h).
class HealSwinImpl : public torch::nn::Module {
 public:
  explicit HealSwinImpl(const HealSwinConfig& config);
  torch::Tensor forward(const torch::Tensor& x);
  int64_t num_parameters() const;
  const HealSwinConfig& config() const { return config_; }

  PatchEmbed patch_embed{nullptr};
  sphere::UShape trunk{nullptr};
  Head head{nullptr};

 private:
  HealSwinConfig config_;
};
TORCH_MODULE(HealSwin);

}  // namespace pear::vision
