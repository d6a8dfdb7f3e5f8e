#include "forecast/model/window_network.h"

#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include "base/error.h"
#include "sphere/attention/checkpoint.h"

namespace pear::forecast {
namespace {

/// Only gives the stages the published prefix `layers.{i}`.
struct LayersImpl : torch::nn::Module {};

sphere::BlockOptions block_options(const ModelConfig& config, const sphere::BiasShape& bias, size_t stage) {
  sphere::BlockOptions o;
  o.attention.channels = config.dims[stage];
  o.attention.heads = config.heads[stage];
  o.attention.bias = bias;
  o.attention.attention_dropout = config.attention_dropout;
  o.attention.dropout = config.dropout;
  o.norm = config.resolved().pre_norm ? sphere::NormPlacement::Pre : sphere::NormPlacement::ResPost;
  o.mlp_ratio = config.mlp_ratio;
  return o;
}

/// Drop-path probabilities of one stage, linear from 0 to the configured value: over all blocks, or (mirrored) over the
/// first two stages, the last two taking the same values as their partners.
std::vector<double> drop_path_of(const ModelConfig& config, size_t stage) {
  const bool mirrored = config.resolved().mirrors_drop_path;
  int64_t before = 0, total = 0;
  for (size_t i = 0; i < (mirrored ? 2 : config.depths.size()); ++i) total += config.depths[i];
  if (mirrored)
    before = stage == 1 || stage == 2 ? config.depths[0] : 0;
  else
    for (size_t i = 0; i < stage; ++i) before += config.depths[i];
  std::vector<double> rates;
  for (int64_t j = 0; j < config.depths[stage]; ++j)
    rates.push_back(total > 1 ? config.drop_path * static_cast<double>(before + j) / static_cast<double>(total - 1)
                              : 0);
  return rates;
}

/// LibTorch's own start of linear layers, which the published baseline keeps.
void initialise_as_libtorch(torch::nn::Module& network) {
  for (const auto& module : network.modules(/*include_self=*/false))
    if (auto* linear = module->as<torch::nn::Linear>()) linear->reset_parameters();
}

}  // namespace

WindowNetwork::WindowNetwork(const ModelConfig& config, const StateLayout& layout, const Geometry& geometry)
    : Network(layout),
      stack_(geometry.stack),
      num_cells_(layout.grid.num_cells() / geometry.num_parts),
      skip_first_(config.resolved().skip_first) {
  patch_embed_ = register_module("patch_embed", PatchEmbed(config, layout, stack_, geometry.patching));
  auto layers = register_module("layers", std::make_shared<LayersImpl>());
  for (size_t i = 0; i < 4; ++i) {
    const Windows& w = i == 1 || i == 2 ? geometry.coarse : geometry.fine;
    stages_.push_back(
        layers->register_module(std::to_string(i), sphere::Stage(config.depths[i], block_options(config, w.bias, i),
                                                                 w.plain, w.shifted, drop_path_of(config, i))));
  }
  is_checkpointed_.assign(stages_.size(), false);
  downsample_ = register_module("downsample", sphere::PatchMerge(config.dims[0], geometry.children));
  if (config.resolved().mid_norm)
    norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({config.dims[1]})));
  upsample_ =
      register_module("upsample", sphere::PatchExpand(config.dims[1], /*output_linear=*/true, geometry.children));
  final_up_ = register_module("final_up", PatchRecover(config, layout, stack_, geometry.patching));
  if (config.resolved().libtorch_linear_init) initialise_as_libtorch(*this);
}

void WindowNetwork::check_input(const State& x) const {
  const auto fail = [](const std::string& what, const std::string& expected, const torch::Tensor& t) {
    throw ShapeError("SizeMismatch", "forecast.model",
                     {.what = what,
                      .expected = expected,
                      .found = t.defined() ? fmt::format("[{}]", fmt::join(t.sizes(), ", ")) : "nothing"});
  };
  const int64_t p = num_cells_, vs = layout().num_surface(), vu = layout().num_upper();
  if (vs > 0 && (!x.surface.defined() || x.surface.dim() != 3 || x.surface.size(1) != vs || x.surface.size(2) != p))
    fail("surface", fmt::format("[B, {}, {}]", vs, p), x.surface);
  const int64_t levels = layout().num_levels();
  if (stack_.upper_slots > 0 && (!x.upper.defined() || x.upper.dim() != 4 || x.upper.size(1) != vu ||
                                 x.upper.size(2) != levels || x.upper.size(3) != p))
    fail("upper", fmt::format("[B, {}, {}, {}]", vu, levels, p), x.upper);
}

void WindowNetwork::observe(const char* step, const torch::Tensor& value) const {
  if (observer_) observer_(step, value);
}

void WindowNetwork::set_checkpointed_stages(const std::vector<int64_t>& stages) {
  is_checkpointed_.assign(stages_.size(), false);
  for (int64_t stage : stages) is_checkpointed_.at(static_cast<size_t>(stage)) = true;
}

torch::Tensor WindowNetwork::run_stage(size_t i, const torch::Tensor& x) {
  if (is_checkpointed_[i])
    return sphere::checkpointed([stage = stages_[i]](const torch::Tensor& in) mutable { return stage(in); }, x,
                                stages_[i]->parameters());
  torch::Tensor y = x;
  for (const auto& block : stages_[i]->blocks()) {
    y = block.ptr()->forward(y);
    if (i == 0 && block.ptr() == stages_[0]->blocks().front().ptr()) observe("block0", y);
  }
  return y;
}

State WindowNetwork::forward(const State& normalised) {
  check_input(normalised);
  auto x = patch_embed_(normalised);
  observe("embed", x);
  x = run_stage(0, x);
  const auto skip = x;
  observe("stage0", x);
  x = downsample_(x);
  observe("merge", x);
  x = run_stage(1, x);
  observe("stage1", x);
  x = run_stage(2, x);
  observe("stage2", x);
  if (!norm_.is_empty()) {
    x = norm_(x);
    observe("norm", x);
  }
  x = upsample_(x);
  observe("expand", x);
  x = run_stage(3, x);
  observe("stage3", x);
  return final_up_(skip_first_ ? at::cat({skip, x}, -1) : at::cat({x, skip}, -1));
}

}  // namespace pear::forecast
