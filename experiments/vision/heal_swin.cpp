#include "experiments/vision/heal_swin.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "sphere/attention/fused_dropout.h"
#include "sphere/attention/initialise.h"
#include "sphere/window/grid_shift.h"
#include "sphere/window/nested_windows.h"
#include "sphere/window/ring_shift.h"

namespace pear::vision {
namespace {

/// The published program gathers backwards along the rings: its shift is negative.
sphere::PixelShift pixel_shift(const HealSwinConfig& c, int64_t nside) {
  const int64_t s = c.shift_tokens();
  if (c.shift == "grid")
    return sphere::grid_shift(nside, c.base_pixels, c.window,
                              c.grid_fill == "ascending" ? sphere::HoleFill::Ascending : sphere::HoleFill::Orbit);
  if (c.shift == "nest_roll") return sphere::nest_roll(nside, c.base_pixels, c.window, s);
  return sphere::spiral_shift(nside, c.base_pixels, c.window, -s,
                              c.refills() ? sphere::RingMask::Refill : sphere::RingMask::WrapOnly);
}

std::vector<sphere::UShapeLevel> make_levels(const HealSwinConfig& c) {
  std::vector<sphere::UShapeLevel> levels;
  for (size_t i = 0; i < c.depths.size(); ++i) {
    const int64_t nside = c.token_nside() >> i;
    const sphere::NestedWindowSpec spec{nside, c.base_pixels, 1, 1, c.window};
    sphere::UShapeLevel level;
    level.plain = sphere::nested_windows(spec);
    level.shifted = c.shift == "none" || c.depths[i] < 2 ? level.plain
                                                         : sphere::shifted_nested_windows(spec, pixel_shift(c, nside));
    levels.push_back(level);
  }
  return levels;
}

sphere::UShapeOptions make_options(const HealSwinConfig& c) {
  sphere::UShapeOptions o;
  o.block.attention.channels = c.embed;
  o.block.attention.kind = c.attention == "cosine" ? sphere::AttentionKind::Cosine : sphere::AttentionKind::Dot;
  o.block.attention.bias.kind = c.position_bias == "flat" ? sphere::BiasKind::Flat : sphere::BiasKind::None;
  o.block.attention.attention_dropout = c.attention_dropout;
  o.block.attention.dropout = c.dropout;
  o.block.norm = c.norm == "pre" ? sphere::NormPlacement::Pre : sphere::NormPlacement::ResPost;
  o.block.mlp_ratio = c.mlp_ratio;
  o.depths = c.depths;
  o.heads = c.heads;
  o.drop_path = c.drop_path;
  return o;
}

}  // namespace

PatchEmbedImpl::PatchEmbedImpl(const HealSwinConfig& c) {
  proj = register_module("proj",
                         torch::nn::Conv1d(torch::nn::Conv1dOptions(c.in_channels, c.embed, c.patch).stride(c.patch)));
}

torch::Tensor PatchEmbedImpl::forward(const torch::Tensor& x) {
  return proj(x).transpose(1, 2).contiguous().unsqueeze(1);
}

PatchSplitImpl::PatchSplitImpl(int64_t channels, int64_t patch) {
  expand =
      register_module("expand", torch::nn::Linear(torch::nn::LinearOptions(channels, patch * channels).bias(false)));
  norm = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({channels})));
  sphere::initialise_linear(expand);
}

torch::Tensor PatchSplitImpl::forward(const torch::Tensor& x) {
  return norm(expand(x).view({x.size(0), -1, x.size(3)}));
}

HeadImpl::HeadImpl(const HealSwinConfig& c) {
  up = register_module("up", PatchSplit(c.embed, c.patch));
  output = register_module("output", torch::nn::Conv1d(torch::nn::Conv1dOptions(c.embed, c.outputs, 1).bias(false)));
}

torch::Tensor HeadImpl::forward(const torch::Tensor& x) { return output(up(x).transpose(1, 2)); }

HealSwinImpl::HealSwinImpl(const HealSwinConfig& config) : config_(config) {
  config.require_valid();
  patch_embed = register_module("patch_embed", PatchEmbed(config));
  trunk = register_module("trunk", sphere::UShape(make_options(config), make_levels(config)));
  head = register_module("head", Head(config));
}

torch::Tensor HealSwinImpl::forward(const torch::Tensor& x) {
  if (!x.defined() || x.dim() != 3 || x.size(1) != config_.in_channels || x.size(2) != config_.num_pixels())
    throw ShapeError("SizeMismatch", "experiments.vision",
                     {.what = "input of HEAL-SWIN",
                      .expected = fmt::format("[B, {}, {}]", config_.in_channels, config_.num_pixels()),
                      .found = x.defined() ? fmt::format("[{}]", fmt::join(x.sizes(), ", ")) : "nothing",
                      .hint = "set vision.in_channels, nside and base_pixels as the data have them"});
  auto tokens = patch_embed(x);
  if (is_training()) tokens = sphere::fused_dropout(tokens, config_.dropout);
  return head(trunk(tokens));
}

int64_t HealSwinImpl::num_parameters() const {
  int64_t n = 0;
  for (const auto& p : parameters()) n += p.numel();
  return n;
}

}  // namespace pear::vision
