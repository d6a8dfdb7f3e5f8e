#include "benchmarks/model_step/subject.h"

#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/randn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/config/reader.h"
#include "base/config/writer.h"
#include "base/error.h"
#include "benchmarks/model_step/products.h"
#include "experiments/vision/heal_swin.h"
#include "experiments/vision/published_names.h"
#include "forecast/config/config_layout.h"
#include "forecast/model/network.h"
#include "forecast/model/pangu_twin.h"
#include "forecast/model/published_names.h"
#include "sphere/window/nested_windows.h"

namespace pear::benchmarks {
namespace {

namespace fs = std::filesystem;

fs::path config_file(const std::string& name) { return fs::path(PEAR_BENCHMARK_CONFIGS) / (name + ".yaml"); }

void add_windows(Subject& subject, const std::string& name, const std::string& spec, int64_t num_stack) {
  const auto partition = sphere::partition_from_spec(spec, num_stack);
  const auto& lists = partition->lists();
  subject.windows[name + ".source"] = lists.pixel_source;
  subject.windows[name + ".pixel_label"] = lists.pixel_label;
  if (lists.stack_label.defined()) subject.windows[name + ".stack_label"] = lists.stack_label;
}

/// Extents of the four stages of PEAR and its twin.
Extents trunk_extents(const forecast::StackExtents& stack, int64_t tokens, int64_t coarse_tokens, WindowCount fine,
                      WindowCount coarse) {
  const int64_t z = stack.num_stack, upper = stack.upper_slots;
  Extents e;
  e.rows = {{"patch_embed.proj_surface", tokens},
            {"patch_embed.proj_upper", upper * tokens},
            {"layers.0", z * tokens},
            {"layers.1", z * coarse_tokens},
            {"layers.2", z * coarse_tokens},
            {"layers.3", z * tokens},
            {"downsample", z * coarse_tokens},
            {"upsample.expand", z * coarse_tokens},
            {"upsample.linear", z * tokens},
            {"final_up.conv_surface", tokens},
            {"final_up.conv_upper", upper * tokens}};
  e.windows = {{"layers.0", fine}, {"layers.1", coarse}, {"layers.2", coarse}, {"layers.3", fine}};
  return e;
}

Extents extents_of_pear(const forecast::ModelConfig& c, const forecast::StateLayout& layout) {
  const auto stack = forecast::stack_extents(c, layout);
  const int64_t tokens = layout.grid.num_cells() / c.patch_cells(), n = c.window_tokens();
  const int64_t z = stack.num_stack;
  return trunk_extents(stack, tokens, tokens / 4, {z * tokens / n, n}, {z * tokens / 4 / n, n});
}

Extents extents_of_twin(const forecast::ModelConfig& c, const forecast::StateLayout& layout) {
  const auto e = forecast::twin_extents(c, layout);
  const int64_t n = c.window_tokens();
  const auto windows = [&](const forecast::RowsColumns& t, const sphere::LatLonPads& p) {
    const int64_t slots = e.num_stack * (t.rows + p.top + p.bottom) * (t.columns + p.left + p.right);
    return WindowCount{slots / n, n};
  };
  return trunk_extents(e, e.tokens.rows * e.tokens.columns, e.coarse.rows * e.coarse.columns,
                       windows(e.tokens, e.fine_pads), windows(e.coarse, e.coarse_pads));
}

Subject weather_subject(const std::string& name, const std::vector<std::string>& overrides) {
  const auto config = forecast::load_run_config({.file = config_file(name), .overrides = overrides}).config;
  const auto& model = config.model;
  const auto layout = forecast::layout_from_config(config).value();
  const auto network = forecast::make_network(model, layout);
  const int64_t p = layout.grid.num_cells();
  Subject s;
  s.setting = fmt::format("{}, {}, batch 1, {} channels, {} parameters", name, config.grid, layout.num_channels(),
                          network->num_parameters());
  s.peer = model.is_twin() ? "pangu_torch.py" : "pear_torch.py";
  s.network = network;
  s.forward = [network](const std::vector<torch::Tensor>& x) -> std::vector<torch::Tensor> {
    const auto y = network->forward({x[0], x[1]});
    return {y.surface, y.upper};
  };
  s.input = {at::randn({1, layout.num_surface(), p}), at::randn({1, layout.num_upper(), layout.num_levels(), p})};
  s.target = s.input;
  s.loss = {0.25, 1.0};
  s.config = to_json_value(model);
  s.published_weights = [network] { return forecast::export_published(*network); };
  s.forward_gflop =
      products_gflop(*network, model.is_twin() ? extents_of_twin(model, layout) : extents_of_pear(model, layout));
  if (model.is_twin()) {
    const auto& grid = layout.grid.latlon();
    s.cell_shape = {static_cast<int64_t>(grid.lat_deg.size()), static_cast<int64_t>(grid.lon_deg.size())};
    return s;
  }
  const int64_t tokens = p / model.patch_cells(), z = forecast::stack_extents(model, layout).num_stack;
  const auto nside = std::lround(std::sqrt(static_cast<double>(tokens) / 12));
  for (const auto& [key, n] : {std::pair{"fine", nside}, std::pair{"coarse", nside / 2}})
    add_windows(
        s, key,
        fmt::format("nested:n{}:{}x{}:spiral+{}:published", n, model.window[0], model.window[1], model.ring_shift), z);
  return s;
}

Extents heal_swin_extents(const vision::HealSwinConfig& c) {
  Extents e;
  const size_t last = c.depths.size() - 1;
  const auto tokens = [&](size_t level) { return c.num_pixels() / c.patch >> (2 * level); };
  e.rows = {{"patch_embed", tokens(0)}, {"head.up", tokens(0)}, {"head.output", c.num_pixels()}};
  for (size_t i = 0; i <= last; ++i) {
    const WindowCount windows{tokens(i) / c.window, c.window};
    const auto down = fmt::format("trunk.layers.{}", i);
    e.rows[down] = tokens(i);
    e.windows[down] = windows;
    if (i == last) break;
    e.rows[down + ".downsample"] = tokens(i + 1);
    const auto up = fmt::format("trunk.layers_up.{}", last - i);
    e.rows[up] = tokens(i);  // its expansion acts on the tokens it comes from, so these
    e.windows[up] = windows;
    e.rows[fmt::format("trunk.concat_back_dim.{}", last - i)] = tokens(i);
  }
  e.rows["trunk.layers_up.0"] = tokens(last);
  return e;
}

/// The published network on pixels of nside 128: nside 256 needs four times the memory and time of this, 15 GB in plain
/// PyTorch. Parameters, depths, widths and windows are the same; --set vision.nside=256 is the published size.
Subject heal_swin_subject(std::vector<std::string> overrides) {
  overrides.insert(overrides.begin(), "vision.nside=128");
  vision::VisionConfig config;
  read_config(config, {.file = config_file("heal_swin"), .overrides = overrides});
  const auto& c = config.vision;
  vision::HealSwin network(c);
  Subject s;
  s.setting = fmt::format("heal_swin, {} base pixels of nside {}, batch 1, {} parameters", c.base_pixels, c.nside,
                          network->num_parameters());
  s.peer = "heal_swin_torch.py";
  s.network = network.ptr();
  s.forward = [network](const std::vector<torch::Tensor>& x) mutable -> std::vector<torch::Tensor> {
    return {network(x[0])};
  };
  s.input = {at::randn({1, c.in_channels, c.num_pixels()})};
  s.target = {at::randn({1, c.outputs, c.num_pixels()})};
  s.loss = {1.0};
  s.config = to_json_value(c);
  s.published_weights = [network] { return vision::export_published(*network); };
  s.forward_gflop = products_gflop(*network, heal_swin_extents(c));
  const std::string form =
      c.base_pixels == 8 ? "nested8:n{}:1x{}:spiral-{}:refill" : "nested:n{}:1x{}:spiral-{}:wrap_only";
  for (size_t i = 0; i < c.depths.size(); ++i)
    add_windows(s, std::to_string(i), fmt::format(fmt::runtime(form), c.token_nside() >> i, c.window, c.shift_tokens()),
                1);
  return s;
}

/// Biases and position biases that start at zero would hide a peer that reads them wrongly.
void disturb(torch::nn::Module& network) {
  const torch::NoGradGuard no_grad;
  for (auto& p : network.parameters()) p.add_(at::randn(p.sizes()), 0.02);
}

}  // namespace

const std::vector<std::string>& subject_names() {
  static const std::vector<std::string> names{"pear", "pangu_twin_matched", "pangu_twin_published", "heal_swin"};
  return names;
}

Subject make_subject(const std::string& name, const std::vector<std::string>& overrides) {
  if (std::find(subject_names().begin(), subject_names().end(), name) == subject_names().end())
    throw ConfigError(
        "UnknownModel", "benchmarks.model_step",
        {.what = "--model " + name, .expected = fmt::format("{} or all", fmt::join(subject_names(), ", "))});
  at::manual_seed(1);
  Subject s = name == "heal_swin" ? heal_swin_subject(overrides) : weather_subject(name, overrides);
  disturb(*s.network);
  return s;
}

}  // namespace pear::benchmarks
