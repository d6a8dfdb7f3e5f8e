#include "forecast/model/pear.h"

#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "sphere/window/grid_shift.h"
#include "sphere/window/nested_windows.h"
#include "sphere/window/ring_shift.h"

namespace pear::forecast {
namespace {

constexpr const char* kWhere = "forecast.pear";

/// Only gives the stages the published prefix `layers.{i}`.
struct LayersImpl : torch::nn::Module {};

int64_t side_of(int64_t square) { return static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(square)))); }

struct Partitions {
  sphere::PartitionPtr plain, shifted;
};

Partitions make_partitions(const ModelConfig& config, const PearExtents& e, int64_t token_nside) {
  const sphere::NestedWindowSpec spec{token_nside, 12, e.num_stack, e.window_stack, config.window[1]};
  const int64_t s = config.ring_shift > 0 ? config.ring_shift : side_of(config.window[1]) / 2;
  Partitions p;
  p.plain = sphere::nested_windows(spec);
  p.shifted = p.plain;
  if (config.shift == "none") return p;
  const auto mask = config.masks_wrap_only() ? sphere::RingMask::WrapOnly : sphere::RingMask::Published;
  sphere::PixelShift shift;
  if (config.shift == "spiral")
    shift = sphere::spiral_shift(token_nside, 12, config.window[1], s, mask);
  else if (config.shift == "per_ring")
    shift = sphere::per_ring_shift(token_nside, s);
  else
    shift = sphere::grid_shift(token_nside, 12, config.window[1], sphere::HoleFill::Orbit);
  p.shifted = sphere::shifted_nested_windows(spec, shift);
  return p;
}

sphere::BlockOptions block_options(const ModelConfig& config, size_t stage) {
  sphere::BlockOptions o;
  o.attention.channels = config.dims[stage];
  o.attention.heads = config.heads[stage];
  o.attention.bias.kind = config.position_bias == "none" ? sphere::BiasKind::None : sphere::BiasKind::Single;
  o.attention.attention_dropout = config.attention_dropout;
  o.attention.dropout = config.dropout;
  o.mlp_ratio = config.mlp_ratio;
  return o;
}

/// Drop-path probabilities of one stage: linear from 0 to the configured value over all blocks.
std::vector<double> drop_path_of(const ModelConfig& config, size_t stage) {
  int64_t before = 0, total = 0;
  for (size_t i = 0; i < config.depths.size(); ++i) {
    if (i < stage) before += config.depths[i];
    total += config.depths[i];
  }
  std::vector<double> rates;
  for (int64_t j = 0; j < config.depths[stage]; ++j)
    rates.push_back(total > 1 ? config.drop_path * static_cast<double>(before + j) / static_cast<double>(total - 1)
                              : 0);
  return rates;
}

}  // namespace

PearExtents pear_extents(const ModelConfig& config, const StateLayout& layout) {
  const auto fail = [&](const std::string& expected, const std::string& hint) -> void {
    throw ConfigError(
        "BadModelGrid", kWhere,
        {.what = "grid and model.patch", .expected = expected, .found = "grid " + layout.grid.spec(), .hint = hint});
  };
  if (!layout.grid.is_healpix() || layout.grid.healpix().order != sphere::PixelOrder::Nested)
    fail("a nested HEALPix grid", "set grid: healpix:64");
  if (layout.num_channels() == 0)
    throw ConfigError("BadModelGrid", kWhere, {.what = "data.variables is empty", .expected = "at least one variable"});
  PearExtents e;
  e.nside = layout.grid.healpix().nside;
  const int64_t side = side_of(config.patch[1]);
  if (e.nside % (2 * side) != 0)
    fail(fmt::format("an nside that is a multiple of {} (patch side {} times 2 for the coarse stages)", 2 * side, side),
         "use a smaller model.patch or a larger nside");
  e.token_nside = e.nside / side;
  e.token_pixels = 12 * e.token_nside * e.token_nside;
  const int64_t surface_slots = layout.num_surface() > 0 ? 1 : 0, pz = config.patch[0], wz = config.window[0];
  const bool has_upper = layout.num_upper() > 0 && layout.num_levels() > 0;
  e.upper_slots = has_upper ? (layout.num_levels() + pz - 1) / pz : 0;
  if (has_upper)
    while ((surface_slots + e.upper_slots) % wz != 0) ++e.upper_slots;
  e.padded_levels = e.upper_slots * pz;
  e.num_stack = surface_slots + e.upper_slots;
  e.window_stack = has_upper ? wz : 1;
  if (config.window[1] > 12 * (e.token_nside / 2) * (e.token_nside / 2))
    throw ShapeError("BadWindow", kWhere,
                     {.what = fmt::format("model.window of {} tokens", config.window[1]),
                      .expected = fmt::format("at most the {} tokens of the coarse stages",
                                              12 * (e.token_nside / 2) * (e.token_nside / 2)),
                      .hint = "use a smaller model.window or model.patch, or a larger nside"});
  return e;
}

Pear::Pear(const ModelConfig& config, const StateLayout& layout)
    : Network(layout), extents_(pear_extents(config, layout)) {
  const Partitions fine = make_partitions(config, extents_, extents_.token_nside);
  const Partitions coarse = make_partitions(config, extents_, extents_.token_nside / 2);
  patch_embed_ = register_module("patch_embed", PatchEmbed(config, layout, extents_));
  auto layers = register_module("layers", std::make_shared<LayersImpl>());
  for (size_t i = 0; i < 4; ++i) {
    const auto& p = i == 1 || i == 2 ? coarse : fine;
    stages_.push_back(layers->register_module(
        std::to_string(i),
        sphere::Stage(config.depths[i], block_options(config, i), p.plain, p.shifted, drop_path_of(config, i))));
  }
  downsample_ = register_module("downsample", sphere::PatchMerge(config.dims[0]));
  norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({config.dims[1]})));
  upsample_ = register_module("upsample", sphere::PatchExpand(config.dims[1], /*output_linear=*/true));
  final_up_ = register_module("final_up", PatchRecover(config, layout, extents_));
}

void Pear::check_input(const State& x) const {
  const auto fail = [](const std::string& what, const std::string& expected, const torch::Tensor& t) {
    throw ShapeError("SizeMismatch", kWhere,
                     {.what = what,
                      .expected = expected,
                      .found = t.defined() ? fmt::format("[{}]", fmt::join(t.sizes(), ", ")) : "nothing"});
  };
  const int64_t p = layout().grid.num_cells(), vs = layout().num_surface(), vu = layout().num_upper();
  if (vs > 0 && (!x.surface.defined() || x.surface.dim() != 3 || x.surface.size(1) != vs || x.surface.size(2) != p))
    fail("surface", fmt::format("[B, {}, {}]", vs, p), x.surface);
  const int64_t levels = layout().num_levels();
  if (extents_.upper_slots > 0 && (!x.upper.defined() || x.upper.dim() != 4 || x.upper.size(1) != vu ||
                                   x.upper.size(2) != levels || x.upper.size(3) != p))
    fail("upper", fmt::format("[B, {}, {}, {}]", vu, levels, p), x.upper);
}

void Pear::observe(const char* step, const torch::Tensor& value) const {
  if (observer_) observer_(step, value);
}

State Pear::forward(const State& normalised) {
  check_input(normalised);
  auto x = patch_embed_(normalised);
  observe("embed", x);
  for (const auto& block : stages_[0]->blocks()) {
    x = block.ptr()->forward(x);
    if (block.ptr() == stages_[0]->blocks().front().ptr()) observe("block0", x);
  }
  const auto skip = x;
  observe("stage0", x);
  x = downsample_(x);
  observe("merge", x);
  x = stages_[1](x);
  observe("stage1", x);
  x = stages_[2](x);
  observe("stage2", x);
  x = norm_(x);
  observe("norm", x);
  x = upsample_(x);
  observe("expand", x);
  x = stages_[3](x);
  observe("stage3", x);
  return final_up_(at::cat({skip, x}, -1));
}

}  // namespace pear::forecast
