// PEAR: a Pangu-type window transformer whose grid is nested HEALPix.
#pragma once

#include <vector>

#include "forecast/model/network.h"
#include "sphere/attention/resample.h"
#include "sphere/attention/stage.h"

namespace pear::forecast {

/// Extents that follow from a layout and a configuration.
struct PearExtents {
  int64_t nside = 0, token_nside = 0, token_pixels = 0;
  int64_t padded_levels = 0;  ///< levels after zero padding in front: the stack is a whole number of windows
  int64_t upper_slots = 0, num_stack = 0, window_stack = 1;
};

/// Source:  arXiv 2505.17720, program PEAR-Weather 32e2f6c; pear-model design section 2.
/// Stack:   slot 0 is the surface (if any), then patches of levels from the ground up; levels are zero-padded in front
///          so that the stack is a whole number of windows (13 levels and a surface: 14 levels, 8 slots).
/// Errors:  ConfigError `BadModelGrid` (not HEALPix nested, patch or stages do not divide nside), ShapeError.
PearExtents pear_extents(const ModelConfig& config, const StateLayout& layout);

/// Patches of pixels (and levels) -> tokens, with the weights of a strided convolution in the published layout.
class PatchEmbedImpl : public torch::nn::Module {
 public:
  PatchEmbedImpl(const ModelConfig& config, const StateLayout& layout, const PearExtents& extents);
  /// -> [B, Z, P / patch, C]
  torch::Tensor forward(const State& x);

 private:
  torch::Tensor surface_weight_, surface_bias_;  ///< [C, Vs, patch], [C]
  torch::Tensor upper_weight_, upper_bias_;      ///< [C, Vu, patch_z, patch], [C]
  PearExtents extents_;
};
TORCH_MODULE(PatchEmbed);

/// Tokens -> fields, with the weights of a transposed convolution in the published layout.
class PatchRecoverImpl : public torch::nn::Module {
 public:
  PatchRecoverImpl(const ModelConfig& config, const StateLayout& layout, const PearExtents& extents);
  /// x [B, Z, P / patch, C] -> State
  State forward(const torch::Tensor& x);

 private:
  torch::Tensor surface_weight_, surface_bias_;  ///< [C, Vs, patch], [Vs]
  torch::Tensor upper_weight_, upper_bias_;      ///< [C, Vu, patch_z, patch], [Vu]
  PearExtents extents_;
  int64_t num_levels_;
  bool crops_first_;
};
TORCH_MODULE(PatchRecover);

/// Parameters carry the published names (patch_embed, layers.{i}.blocks.{j}, downsample, norm, upsample, final_up);
/// only the position bias differs: attn.position_bias.table [1, H, N * N] (published_names.h).
class Pear : public Network {
 public:
  Pear(const ModelConfig& config, const StateLayout& layout);
  State forward(const State& normalised) override;

  /// Called after each step with its name (embed, block0, stage0, merge, …); for tests and for finding non-finite
  /// values.
  using Observer = std::function<void(const std::string& step, const torch::Tensor& value)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }

 private:
  void check_input(const State& x) const;
  void observe(const char* step, const torch::Tensor& value) const;

  PearExtents extents_;
  PatchEmbed patch_embed_{nullptr};
  std::vector<sphere::Stage> stages_;
  sphere::PatchMerge downsample_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
  sphere::PatchExpand upsample_{nullptr};
  PatchRecover final_up_{nullptr};
  Observer observer_;
};

}  // namespace pear::forecast
