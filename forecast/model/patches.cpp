#include "forecast/model/patches.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>

#include <cmath>

#include "base/error.h"

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

/// [channels_in, channels_out, patch…] without the levels, or with them in front of the cells.
std::vector<int64_t> weight_shape(int64_t c, int64_t v, const ModelConfig& config, bool with_levels) {
  std::vector<int64_t> shape{c, v};
  shape.insert(shape.end(), config.patch.begin() + (with_levels ? 0 : 1), config.patch.end());
  return shape;
}

}  // namespace

StackExtents stack_extents(const ModelConfig& config, const StateLayout& layout) {
  if (layout.num_channels() == 0)
    throw ConfigError("BadModelGrid", "forecast.model",
                      {.what = "data.variables is empty", .expected = "at least one variable"});
  StackExtents e;
  const int64_t surface_slots = layout.num_surface() > 0 ? 1 : 0, pz = config.patch[0], wz = config.window[0];
  const bool has_upper = layout.num_upper() > 0 && layout.num_levels() > 0;
  e.upper_slots = has_upper ? (layout.num_levels() + pz - 1) / pz : 0;
  if (has_upper)
    while ((surface_slots + e.upper_slots) % wz != 0) ++e.upper_slots;
  e.padded_levels = e.upper_slots * pz;
  e.num_stack = surface_slots + e.upper_slots;
  e.window_stack = has_upper ? wz : 1;
  return e;
}

PatchEmbedImpl::PatchEmbedImpl(const ModelConfig& config, const StateLayout& layout, const StackExtents& stack,
                               Patching patching)
    : stack_(stack),
      patching_(std::move(patching)),
      constant_channels_(config.resolved().constant_channels),
      pads_front_(config.resolved().pads_front) {
  const int64_t c = config.dims[0], pz = config.patch[0], pp = config.patch_cells();
  if (layout.num_surface() > 0) {
    const int64_t v = layout.num_surface() + constant_channels_;
    auto conv = register_module("proj_surface",
                                std::make_shared<ConvolutionImpl>(weight_shape(c, v, config, false), c, v * pp, false));
    surface_weight_ = conv->weight;
    surface_bias_ = conv->bias;
  }
  if (stack.upper_slots > 0) {
    const int64_t v = layout.num_upper();
    auto conv = register_module(
        "proj_upper", std::make_shared<ConvolutionImpl>(weight_shape(c, v, config, true), c, v * pz * pp, false));
    upper_weight_ = conv->weight;
    upper_bias_ = conv->bias;
  }
}

torch::Tensor PatchEmbedImpl::forward(const State& x) {
  std::vector<torch::Tensor> slots;
  const int64_t tokens = patching_.num_tokens;
  if (surface_weight_.defined()) {
    // Constant channels are fed with zeros, as the published program does.
    const auto fields =
        constant_channels_ > 0 ? at::constant_pad_nd(x.surface, {0, 0, 0, constant_channels_}) : x.surface;
    const int64_t b = fields.size(0), v = fields.size(1);
    const auto patches =
        patching_.fold(fields).view({b, v, tokens, -1}).permute({0, 2, 1, 3}).reshape({b, 1, tokens, -1});
    slots.push_back(patches.matmul(surface_weight_.flatten(1).t()) + surface_bias_);
  }
  if (upper_weight_.defined()) {
    const int64_t b = x.upper.size(0), v = x.upper.size(1), pz = upper_weight_.size(2);
    const int64_t pads = stack_.padded_levels - x.upper.size(2);
    const auto padded = at::constant_pad_nd(x.upper, {0, 0, pads_front_ ? pads : 0, pads_front_ ? 0 : pads});
    const auto patches = patching_.fold(padded)
                             .view({b, v, stack_.upper_slots, pz, tokens, -1})
                             .permute({0, 2, 4, 1, 3, 5})
                             .reshape({b, stack_.upper_slots, tokens, -1});
    slots.push_back(patches.matmul(upper_weight_.flatten(1).t()) + upper_bias_);
  }
  return slots.size() == 1 ? slots[0] : at::cat(slots, 1);
}

PatchRecoverImpl::PatchRecoverImpl(const ModelConfig& config, const StateLayout& layout, const StackExtents& stack,
                                   Patching patching)
    : stack_(stack),
      patching_(std::move(patching)),
      num_levels_(layout.num_levels()),
      crops_first_(config.crops_first()) {
  const int64_t c = 2 * config.dims[0], pz = config.patch[0], pp = config.patch_cells();
  const bool zero = config.starts_at_zero();
  if (layout.num_surface() > 0) {
    const int64_t v = layout.num_surface();
    auto conv = register_module("conv_surface",
                                std::make_shared<ConvolutionImpl>(weight_shape(c, v, config, false), v, v * pp, zero));
    surface_weight_ = conv->weight;
    surface_bias_ = conv->bias;
  }
  if (stack.upper_slots > 0) {
    const int64_t v = layout.num_upper();
    auto conv = register_module(
        "conv_upper", std::make_shared<ConvolutionImpl>(weight_shape(c, v, config, true), v, v * pz * pp, zero));
    upper_weight_ = conv->weight;
    upper_bias_ = conv->bias;
  }
}

State PatchRecoverImpl::forward(const torch::Tensor& x) {
  State y;
  const int64_t b = x.size(0), tokens = patching_.num_tokens;
  const int64_t surface_slots = surface_weight_.defined() ? 1 : 0;
  if (surface_weight_.defined()) {
    const int64_t v = surface_weight_.size(1);
    const auto patches = x.select(1, 0).matmul(surface_weight_.flatten(1));  // [B, tokens, V * pp]
    y.surface = patching_.unfold(patches.view({b, tokens, v, -1}).permute({0, 2, 1, 3}).reshape({b, v, -1})) +
                surface_bias_.view({1, v, 1});
  }
  if (upper_weight_.defined()) {
    const int64_t v = upper_weight_.size(1), pz = upper_weight_.size(2);
    const auto patches = x.narrow(1, surface_slots, stack_.upper_slots).matmul(upper_weight_.flatten(1));
    const auto all = patches.view({b, stack_.upper_slots, tokens, v, pz, -1})
                         .permute({0, 3, 1, 4, 2, 5})
                         .reshape({b, v, stack_.padded_levels, -1});
    const int64_t first = crops_first_ ? stack_.padded_levels - num_levels_ : 0;
    y.upper = patching_.unfold(all.narrow(2, first, num_levels_)) + upper_bias_.view({1, v, 1, 1});
  }
  return y;
}

}  // namespace pear::forecast
