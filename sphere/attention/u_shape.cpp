#include "sphere/attention/u_shape.h"

#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "sphere/attention/initialise.h"

namespace pear::sphere {
namespace {

/// Only gives its children a prefix of names.
struct ModuleListImpl : torch::nn::Module {};

void check_levels(const UShapeOptions& o, size_t levels) {
  const bool fits = levels >= 2 && o.depths.size() == levels && o.heads.size() == levels &&
                    std::all_of(o.depths.begin(), o.depths.end(), [](int64_t d) { return d > 0; });
  if (!fits)
    throw ShapeError(
        "BadLevels", "sphere.attention",
        {.what = fmt::format("U-shape over {} levels", levels),
         .expected = "at least two levels, each with a positive depth and a number of heads",
         .found = fmt::format("depths [{}], heads [{}]", fmt::join(o.depths, ", "), fmt::join(o.heads, ", ")),
         .hint = "give depths and heads one number per level"});
}

/// Probabilities of one level's blocks: linear from 0 to the last block of the encoder.
std::vector<double> drop_path_of(const UShapeOptions& o, size_t level) {
  const int64_t total = std::accumulate(o.depths.begin(), o.depths.end(), int64_t{0});
  const auto end = o.depths.begin() + static_cast<std::ptrdiff_t>(level);
  const int64_t before = std::accumulate(o.depths.begin(), end, int64_t{0});
  std::vector<double> rates;
  for (int64_t j = 0; j < o.depths[level]; ++j)
    rates.push_back(o.drop_path * static_cast<double>(before + j) / static_cast<double>(total - 1));
  return rates;
}

Stage make_stage(const UShapeOptions& o, const UShapeLevel& windows, size_t level) {
  BlockOptions block = o.block;
  block.attention.channels <<= level;
  block.attention.heads = o.heads[level];
  return Stage(o.depths[level], block, windows.plain, windows.shifted, drop_path_of(o, level));
}

torch::nn::LayerNorm layer_norm(int64_t channels) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({channels}));
}

}  // namespace

UShapeImpl::UShapeImpl(const UShapeOptions& options, const std::vector<UShapeLevel>& levels) {
  check_levels(options, levels.size());
  const size_t last = levels.size() - 1;
  const auto channels = [&](size_t level) { return options.block.attention.channels << level; };
  auto layers = register_module("layers", std::make_shared<ModuleListImpl>());
  for (size_t i = 0; i <= last; ++i) {
    down_.push_back(layers->register_module(std::to_string(i), make_stage(options, levels[i], i)));
    if (i == last) break;
    merges_.push_back(down_[i]->register_module("downsample", PatchMerge(channels(i), levels[i].children)));
  }
  norm_ = register_module("norm", layer_norm(channels(last)));
  auto layers_up = register_module("layers_up", std::make_shared<ModuleListImpl>());
  auto joins = register_module("concat_back_dim", std::make_shared<ModuleListImpl>());
  const auto expand_to = [&](size_t i) {
    return PatchExpand(channels(i + 1), /*output_linear=*/false, levels[i].children);
  };
  for (size_t i = 0; i < last; ++i) {
    const std::string k = std::to_string(last - i);
    up_.push_back(layers_up->register_module(k, make_stage(options, levels[i], i)));
    joins_.push_back(joins->register_module(k, torch::nn::Linear(2 * channels(i), channels(i))));
    initialise_linear(joins_.back());
  }
  for (size_t i = 0; i + 1 < last; ++i) expands_.push_back(up_[i + 1]->register_module("upsample", expand_to(i)));
  expands_.push_back(layers_up->register_module("0", expand_to(last - 1)));
  norm_up_ = register_module("norm_up", layer_norm(channels(0)));
}

torch::Tensor UShapeImpl::observed(const std::string& step, torch::Tensor value) const {
  if (observer_) observer_(step, value);
  return value;
}

torch::Tensor UShapeImpl::run_stage(const std::string& name, Stage& stage, torch::Tensor x) const {
  size_t j = 0;
  for (const auto& block : stage->blocks())
    x = observed(fmt::format("{}.blocks.{}", name, j++), block.ptr()->forward(x));
  return x;
}

torch::Tensor UShapeImpl::forward(torch::Tensor x) {
  const size_t last = down_.size() - 1;
  std::vector<torch::Tensor> skips;
  for (size_t i = 0; i <= last; ++i) {
    const std::string name = fmt::format("layers.{}", i);
    skips.push_back(x);
    x = run_stage(name, down_[i], x);
    if (i < last) x = observed(name + ".downsample", merges_[i](x));
  }
  x = observed("norm", norm_(x));
  for (size_t i = last; i-- > 0;) {
    const std::string coarser = fmt::format("layers_up.{}", last - i - 1);
    x = observed(i + 1 == last ? coarser : coarser + ".upsample", expands_[i](x));
    x = joins_[i](at::cat({x, skips[i]}, -1));
    x = run_stage(fmt::format("layers_up.{}", last - i), up_[i], x);
  }
  return observed("norm_up", norm_up_(x));
}

}  // namespace pear::sphere
