// Patch embedding and recovery of PEAR: strided convolutions are one matrix product over nested patches.
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>

#include <cmath>

#include "forecast/model/pear.h"

namespace pear::forecast {
namespace {

/// LibTorch's default for convolutions: uniform in +-1/sqrt(fan_in), weight and bias alike.
torch::Tensor uniform(std::vector<int64_t> shape, int64_t fan_in) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
  return torch::empty(shape).uniform_(-bound, bound);
}

/// Only gives its children the published prefix (`proj_surface`, `conv_upper`, …).
struct ConvolutionImpl : torch::nn::Module {
  ConvolutionImpl(std::vector<int64_t> weight_shape, int64_t bias_size, int64_t fan_in, bool zero) {
    weight = register_parameter("weight", zero ? torch::zeros(weight_shape) : uniform(weight_shape, fan_in));
    bias = register_parameter("bias", zero ? torch::zeros({bias_size}) : uniform({bias_size}, fan_in));
  }
  torch::Tensor weight, bias;
};

}  // namespace

PatchEmbedImpl::PatchEmbedImpl(const ModelConfig& config, const StateLayout& layout, const PearExtents& extents)
    : extents_(extents) {
  const int64_t c = config.dims[0], pz = config.patch[0], pp = config.patch[1];
  if (layout.num_surface() > 0) {
    const int64_t v = layout.num_surface();
    auto conv = register_module("proj_surface",
                                std::make_shared<ConvolutionImpl>(std::vector<int64_t>{c, v, pp}, c, v * pp, false));
    surface_weight_ = conv->weight;
    surface_bias_ = conv->bias;
  }
  if (extents.upper_slots > 0) {
    const int64_t v = layout.num_upper();
    auto conv = register_module(
        "proj_upper", std::make_shared<ConvolutionImpl>(std::vector<int64_t>{c, v, pz, pp}, c, v * pz * pp, false));
    upper_weight_ = conv->weight;
    upper_bias_ = conv->bias;
  }
}

torch::Tensor PatchEmbedImpl::forward(const State& x) {
  std::vector<torch::Tensor> slots;
  const int64_t tokens = extents_.token_pixels;
  if (surface_weight_.defined()) {
    const int64_t b = x.surface.size(0), v = x.surface.size(1), pp = surface_weight_.size(2);
    const auto patches = x.surface.view({b, v, tokens, pp}).permute({0, 2, 1, 3}).reshape({b, 1, tokens, v * pp});
    slots.push_back(patches.matmul(surface_weight_.flatten(1).t()) + surface_bias_);
  }
  if (upper_weight_.defined()) {
    const int64_t b = x.upper.size(0), v = x.upper.size(1), pz = upper_weight_.size(2), pp = upper_weight_.size(3);
    const auto padded = at::constant_pad_nd(x.upper, {0, 0, extents_.padded_levels - x.upper.size(2), 0});
    const auto patches = padded.view({b, v, extents_.upper_slots, pz, tokens, pp})
                             .permute({0, 2, 4, 1, 3, 5})
                             .reshape({b, extents_.upper_slots, tokens, v * pz * pp});
    slots.push_back(patches.matmul(upper_weight_.flatten(1).t()) + upper_bias_);
  }
  return slots.size() == 1 ? slots[0] : at::cat(slots, 1);
}

PatchRecoverImpl::PatchRecoverImpl(const ModelConfig& config, const StateLayout& layout, const PearExtents& extents)
    : extents_(extents), num_levels_(layout.num_levels()), crops_first_(config.crops_first()) {
  const int64_t c = 2 * config.dims[0], pz = config.patch[0], pp = config.patch[1];
  const bool zero = config.starts_at_zero();
  if (layout.num_surface() > 0) {
    const int64_t v = layout.num_surface();
    auto conv = register_module("conv_surface",
                                std::make_shared<ConvolutionImpl>(std::vector<int64_t>{c, v, pp}, v, v * pp, zero));
    surface_weight_ = conv->weight;
    surface_bias_ = conv->bias;
  }
  if (extents.upper_slots > 0) {
    const int64_t v = layout.num_upper();
    auto conv = register_module(
        "conv_upper", std::make_shared<ConvolutionImpl>(std::vector<int64_t>{c, v, pz, pp}, v, v * pz * pp, zero));
    upper_weight_ = conv->weight;
    upper_bias_ = conv->bias;
  }
}

State PatchRecoverImpl::forward(const torch::Tensor& x) {
  State y;
  const int64_t b = x.size(0), tokens = extents_.token_pixels;
  const int64_t surface_slots = surface_weight_.defined() ? 1 : 0;
  if (surface_weight_.defined()) {
    const int64_t v = surface_weight_.size(1), pp = surface_weight_.size(2);
    const auto patches = x.select(1, 0).matmul(surface_weight_.flatten(1));  // [B, tokens, V * pp]
    y.surface = patches.view({b, tokens, v, pp}).permute({0, 2, 1, 3}).reshape({b, v, tokens * pp}) +
                surface_bias_.view({1, v, 1});
  }
  if (upper_weight_.defined()) {
    const int64_t v = upper_weight_.size(1), pz = upper_weight_.size(2), pp = upper_weight_.size(3);
    const auto patches = x.narrow(1, surface_slots, extents_.upper_slots).matmul(upper_weight_.flatten(1));
    const auto all = patches.view({b, extents_.upper_slots, tokens, v, pz, pp})
                         .permute({0, 3, 1, 4, 2, 5})
                         .reshape({b, v, extents_.padded_levels, tokens * pp});
    const int64_t first = crops_first_ ? extents_.padded_levels - num_levels_ : 0;
    y.upper = all.narrow(2, first, num_levels_) + upper_bias_.view({1, v, 1, 1});
  }
  return y;
}

}  // namespace pear::forecast
