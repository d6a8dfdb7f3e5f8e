// Fields -> tokens and tokens -> fields: strided convolutions, each one matrix product over patches.
#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include "forecast/model/model_config.h"
#include "forecast/state/state.h"
#include "sphere/window/child_map.h"

namespace pear::forecast {

/// Slot 0 is the surface (if any), then patches of levels from the ground up; levels are zero-padded so that the stack
/// is a whole number of windows (13 levels and a surface: 14 levels, 8 slots).
struct StackExtents {
  int64_t padded_levels = 0;
  int64_t upper_slots = 0, num_stack = 0, window_stack = 1;
};

/// Errors:  ConfigError `BadModelGrid` if the layout has no variables.
StackExtents stack_extents(const ModelConfig& config, const StateLayout& layout);

/// How cells are sorted into tokens.
struct Patching {
  int64_t num_tokens = 0;
  sphere::ChildMapPtr cells;  ///< cells of each token; empty: consecutive cells (nested order)

  /// [.., P] -> [.., tokens * cells of a patch]
  torch::Tensor fold(const torch::Tensor& x) const { return cells ? cells->gather(x, -1) : x; }
  torch::Tensor unfold(const torch::Tensor& x) const { return cells ? cells->scatter(x, -1) : x; }
};

/// Patches of cells (and levels) -> tokens, with the weights of a strided convolution in the published layout.
class PatchEmbedImpl : public torch::nn::Module {
 public:
  PatchEmbedImpl(const ModelConfig& config, const StateLayout& layout, const StackExtents& stack, Patching patching);
  /// -> [B, Z, tokens, C]
  torch::Tensor forward(const State& x);

 private:
  torch::Tensor surface_weight_, surface_bias_;  ///< [C, Vs + constants, patch…], [C]
  torch::Tensor upper_weight_, upper_bias_;      ///< [C, Vu, patch_z, patch…], [C]
  StackExtents stack_;
  Patching patching_;
  int64_t constant_channels_;
  bool pads_front_;
};
TORCH_MODULE(PatchEmbed);

/// Tokens -> fields, with the weights of a transposed convolution in the published layout.
class PatchRecoverImpl : public torch::nn::Module {
 public:
  PatchRecoverImpl(const ModelConfig& config, const StateLayout& layout, const StackExtents& stack, Patching patching);
  /// x [B, Z, tokens, 2 C] -> State
  State forward(const torch::Tensor& x);

 private:
  torch::Tensor surface_weight_, surface_bias_;  ///< [2 C, Vs, patch…], [Vs]
  torch::Tensor upper_weight_, upper_bias_;      ///< [2 C, Vu, patch_z, patch…], [Vu]
  StackExtents stack_;
  Patching patching_;
  int64_t num_levels_;
  bool crops_first_;
};
TORCH_MODULE(PatchRecover);

}  // namespace pear::forecast
