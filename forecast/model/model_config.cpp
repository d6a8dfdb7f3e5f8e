#include "forecast/model/model_config.h"

#include <fmt/format.h>

#include <functional>
#include <numeric>

namespace pear::forecast {
namespace {

void check_list(ConfigIssues& issues, const std::string& key, const std::vector<int64_t>& values, size_t count) {
  if (values.size() != count) issues.add(key, fmt::format("has {} numbers, expected {}", values.size(), count));
  for (int64_t v : values)
    if (v < 1) issues.add(key, fmt::format("{} is not positive", v));
}

bool is_power_of_four(int64_t v) { return v > 0 && (v & (v - 1)) == 0 && (v & 0x5555555555555555) != 0; }

void check_probability(ConfigIssues& issues, const std::string& key, double value) {
  if (!(value >= 0 && value < 1)) issues.add(key, fmt::format("{} is no probability below 1", value));
}

/// Adds an issue for every key that has a value although it says nothing about this model.
struct Foreign {
  ConfigIssues& issues;
  std::string prefix, why;
  void refuse(const char* key, bool is_set) const {
    if (is_set) issues.add(prefix + key, why, "leave it out");
  }
};

std::string prefix_of(const std::string& path) { return path.empty() ? "" : path + "."; }

}  // namespace

void ModelConfig::validate(ConfigIssues& issues, const std::string& path) const {
  validate_sizes(issues, path);
  if (is_twin())
    validate_twin(issues, path);
  else
    validate_pear(issues, path);
}

void ModelConfig::validate_sizes(ConfigIssues& issues, const std::string& path) const {
  const auto key = [&](const char* name) { return prefix_of(path) + name; };
  check_list(issues, key("dims"), dims, 4);
  check_list(issues, key("heads"), heads, 4);
  if (depths.size() != 4) issues.add(key("depths"), fmt::format("has {} numbers, expected 4", depths.size()));
  for (int64_t d : depths)
    if (d < 0) issues.add(key("depths"), fmt::format("{} is negative", d));
  if (dims.size() == 4 && (dims[1] != 2 * dims[0] || dims[2] != dims[1] || dims[3] != dims[0]))
    issues.add(key("dims"), fmt::format("[{}] is not d, 2d, 2d, d", fmt::join(dims, ", ")), "e.g. [48, 96, 96, 48]");
  if (dims.size() == 4 && heads.size() == 4)
    for (size_t i = 0; i < 4; ++i)
      if (heads[i] > 0 && dims[i] % heads[i] != 0)
        issues.add(key("heads"), fmt::format("{} heads do not divide {} channels of stage {}", heads[i], dims[i], i));
  if (mlp_ratio < 1) issues.add(key("mlp_ratio"), fmt::format("{} is not positive", mlp_ratio));
  check_probability(issues, key("drop_path"), drop_path);
  check_probability(issues, key("dropout"), dropout);
  check_probability(issues, key("attention_dropout"), attention_dropout);
  if (constant_channels.value_or(0) < 0)
    issues.add(key("constant_channels"), fmt::format("{} is negative", *constant_channels));
  if (resolved().mirrors_drop_path && depths.size() == 4 && (depths[2] != depths[1] || depths[3] != depths[0]))
    issues.add(key("depths"), fmt::format("[{}] is not a, b, b, a", fmt::join(depths, ", ")),
               "or set drop_path_order: rising");
}

void ModelConfig::validate_pear(ConfigIssues& issues, const std::string& path) const {
  const auto key = [&](const char* name) { return prefix_of(path) + name; };
  check_list(issues, key("patch"), patch, 2);
  check_list(issues, key("window"), window, 2);
  if (patch.size() == 2 && !is_power_of_four(patch[1]))
    issues.add(key("patch"), fmt::format("{} pixels are no square nested patch", patch[1]), "use 1, 4, 16 or 64");
  if (window.size() == 2 && !is_power_of_four(window[1]))
    issues.add(key("window"), fmt::format("{} tokens are no square nested window", window[1]), "use 4, 16 or 64");
  if (ring_shift < 0) issues.add(key("ring_shift"), fmt::format("{} is negative", ring_shift));
  const Foreign foreign{issues, prefix_of(path), "only says something about model.name: pangu_twin"};
  foreign.refuse("variant", variant != "matched");
  foreign.refuse("shift", shift == "planar");
  foreign.refuse("position_bias", position_bias == "earth_specific");
  foreign.refuse("patch_padding", !patch_padding.empty());
  foreign.refuse("token_padding", !token_padding.empty());
  foreign.refuse("pad_tokens", !pad_tokens.empty());
  foreign.refuse("lon_mask", !lon_mask.empty());
  foreign.refuse("window_shift", !window_shift.empty());
}

void ModelConfig::validate_twin(ConfigIssues& issues, const std::string& path) const {
  const auto key = [&](const char* name) { return prefix_of(path) + name; };
  check_list(issues, key("patch"), patch, 3);
  check_list(issues, key("window"), window, 3);
  if (!window_shift.empty()) {
    if (window_shift.size() != 3)
      issues.add(key("window_shift"), fmt::format("has {} numbers, expected 3", window_shift.size()));
    for (size_t i = 0; i < window_shift.size() && i < window.size(); ++i)
      if (window_shift[i] < 0 || window_shift[i] >= window[i])
        issues.add(key("window_shift"),
                   fmt::format("{} is not from 0 to less than the window of {}", window_shift[i], window[i]));
  }
  const Foreign foreign{issues, prefix_of(path), "only says something about model.name: pear"};
  foreign.refuse("shift", shift == "spiral" || shift == "per_ring" || shift == "grid");
  foreign.refuse("ring_mask", !ring_mask.empty());
  foreign.refuse("ring_shift", ring_shift != 0);
  if (is_published_twin() && fidelity != "faithful")
    issues.add(key("fidelity"), "says nothing about the published twin", "set its switches one by one");
}

ModelSwitches ModelConfig::resolved() const {
  const bool published = is_published_twin();
  const auto pick = [&](const std::string& value, const char* of_published, const char* of_others) {
    return !value.empty() ? value : std::string(published ? of_published : of_others);
  };
  ModelSwitches s;
  s.pre_norm = pick(norm, "pre", "res_post") == "pre";
  s.mid_norm = mid_norm.value_or(!published);
  s.skip_first = pick(head_order, "skip_last", "skip_first") == "skip_first";
  s.pads_front = pick(level_pad, "back", "front") == "front";
  s.libtorch_linear_init = pick(linear_init, "libtorch", "trunc_normal") == "libtorch";
  s.mirrors_drop_path = pick(drop_path_order, "mirrored", "rising") == "mirrored";
  s.constant_channels = constant_channels.value_or(published ? 3 : 0);
  s.patch_padding = pick(patch_padding, "published", "none");
  s.token_padding = pick(token_padding, "zero", "none");
  s.pad_tokens = pick(pad_tokens, "attend", "attend");
  s.lon_mask = pick(lon_mask, "split_last", "periodic");
  return s;
}

std::string ModelConfig::shift_kind() const { return !shift.empty() ? shift : is_twin() ? "planar" : "spiral"; }

std::string ModelConfig::bias_kind() const {
  return !position_bias.empty() ? position_bias : is_published_twin() ? "earth_specific" : "single";
}

int64_t ModelConfig::patch_cells() const {
  return std::accumulate(patch.begin() + 1, patch.end(), int64_t{1}, std::multiplies<>());
}

int64_t ModelConfig::window_tokens() const {
  return std::accumulate(window.begin(), window.end(), int64_t{1}, std::multiplies<>());
}

}  // namespace pear::forecast
