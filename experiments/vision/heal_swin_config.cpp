#include "experiments/vision/heal_swin_config.h"

#include <fmt/format.h>

#include <bit>

#include "base/error.h"

namespace pear::vision {
namespace {

bool is_power_of_two(int64_t v) { return v > 0 && std::has_single_bit(static_cast<uint64_t>(v)); }
bool is_power_of_four(int64_t v) { return is_power_of_two(v) && std::countr_zero(static_cast<uint64_t>(v)) % 2 == 0; }

/// Side of a square of a power of four.
int64_t side_of(int64_t square) { return int64_t{1} << (std::countr_zero(static_cast<uint64_t>(square)) / 2); }

void check_probability(ConfigIssues& issues, const std::string& key, double value) {
  if (!(value >= 0 && value < 1)) issues.add(key, fmt::format("{} is no probability below 1", value));
}

void check_choice(ConfigIssues& issues, const std::string& key, const std::string& value,
                  const std::vector<std::string>& choices) {
  for (const auto& c : choices)
    if (value == c) return;
  issues.add(key, fmt::format("'{}' is not known", value), fmt::format("one of '{}'", fmt::join(choices, "', '")));
}

}  // namespace

int64_t HealSwinConfig::token_nside() const { return nside / side_of(patch); }

int64_t HealSwinConfig::shift_tokens() const { return shift_size > 0 ? shift_size : side_of(window) / 2; }

void HealSwinConfig::validate(ConfigIssues& issues, const std::string& path) const {
  const std::string prefix = path.empty() ? "" : path + ".";
  validate_grid(issues, prefix);
  validate_stages(issues, prefix);
  validate_shift(issues, prefix);
  check_choice(issues, prefix + "attention", attention, {"cosine", "dot"});
  check_choice(issues, prefix + "norm", norm, {"res_post", "pre"});
  check_choice(issues, prefix + "position_bias", position_bias, {"flat", "none"});
  const auto positive = [&](const char* key, int64_t v) {
    if (v < 1) issues.add(prefix + key, fmt::format("{} is not positive", v));
  };
  positive("in_channels", in_channels);
  positive("outputs", outputs);
  positive("mlp_ratio", mlp_ratio);
  check_probability(issues, prefix + "dropout", dropout);
  check_probability(issues, prefix + "attention_dropout", attention_dropout);
  check_probability(issues, prefix + "drop_path", drop_path);
}

void HealSwinConfig::validate_grid(ConfigIssues& issues, const std::string& prefix) const {
  if (base_pixels != 8 && base_pixels != 12)
    issues.add(prefix + "base_pixels", fmt::format("{} base pixels are not supported", base_pixels), "use 8 or 12");
  const bool is_fine = is_power_of_two(nside) && nside <= (int64_t{1} << 20);
  if (!is_fine)
    issues.add(prefix + "nside", fmt::format("{} is no power of two up to 2^20", nside), "e.g. 64, 128 or 256");
  if (!is_power_of_four(patch))
    issues.add(prefix + "patch", fmt::format("{} pixels are no square nested patch", patch), "use 1, 4, 16 or 64");
  if (!is_power_of_four(window) || window < 4)
    issues.add(prefix + "window", fmt::format("{} tokens are no square nested window", window), "use 4, 16 or 64");
  if (!is_fine || !is_power_of_four(patch) || depths.empty() || depths.size() > 20) return;
  const int64_t side = side_of(patch), merges = static_cast<int64_t>(depths.size()) - 1;
  const int64_t unit = side << merges;
  if (nside % unit != 0) {
    issues.add(prefix + "nside",
               fmt::format("{} is no multiple of {} (patch side {}, {} merges)", nside, unit, side, merges),
               "use a larger nside, a smaller patch or fewer stages");
    return;
  }
  const int64_t coarsest = nside / unit;
  if (is_power_of_four(window) && window > coarsest * coarsest)
    issues.add(prefix + "window",
               fmt::format("{} tokens are more than the {} that the coarsest stage has on a base pixel", window,
                           coarsest * coarsest),
               "use a smaller window, a smaller patch, fewer stages or a larger nside");
}

void HealSwinConfig::validate_stages(ConfigIssues& issues, const std::string& prefix) const {
  if (depths.size() < 2 || depths.size() > 20)
    issues.add(prefix + "depths", fmt::format("has {} stages, expected 2 to 20", depths.size()), "e.g. [2, 2, 6, 2]");
  if (heads.size() != depths.size())
    issues.add(prefix + "heads", fmt::format("has {} numbers for {} stages", heads.size(), depths.size()),
               "one number per stage, as in depths");
  for (int64_t d : depths)
    if (d < 1) issues.add(prefix + "depths", fmt::format("{} is not positive", d));
  if (embed < 2 || embed % 2 != 0) issues.add(prefix + "embed", fmt::format("{} is no positive even number", embed));
  for (size_t i = 0; i < heads.size() && i < 20; ++i)
    if (heads[i] < 1 || (embed << i) % heads[i] != 0)
      issues.add(prefix + "heads",
                 fmt::format("{} heads do not divide the {} channels of stage {}", heads[i], embed << i, i),
                 "use divisors of embed * 2^stage");
}

void HealSwinConfig::validate_shift(ConfigIssues& issues, const std::string& prefix) const {
  check_choice(issues, prefix + "shift", shift, {"ring", "grid", "nest_roll", "none"});
  check_choice(issues, prefix + "ring_mask", ring_mask, {"", "refill", "wrap_only"});
  check_choice(issues, prefix + "grid_fill", grid_fill, {"", "orbit", "ascending"});
  if (ring_mask == "refill" && base_pixels == 12)
    issues.add(prefix + "ring_mask", "refill needs the missing faces of 8 base pixels, with 12 none is missing",
               "leave it out, or set wrap_only");
  if (ring_mask == "wrap_only" && base_pixels == 8)
    issues.add(prefix + "ring_mask", "wrap_only says nothing about 8 base pixels, which have one pole",
               "leave it out, or set refill");
  if (!ring_mask.empty() && shift != "ring")
    issues.add(prefix + "ring_mask", "only says something about shift: ring", "leave it out");
  if (!grid_fill.empty() && (shift != "grid" || base_pixels != 12))
    issues.add(prefix + "grid_fill", "only says something about shift: grid on 12 base pixels", "leave it out");
  if (!is_power_of_four(window)) return;
  if (shift_size < 0 || shift_size >= window)
    issues.add(prefix + "shift_size", fmt::format("{} is not from 0 to less than the window of {}", shift_size, window),
               "0 is half the side of a window");
  if (shift == "grid" && shift_size != 0 && shift_size != side_of(window) / 2)
    issues.add(prefix + "shift_size", fmt::format("the grid shift moves half the side of a window, not {}", shift_size),
               "leave it out");
}

void HealSwinConfig::require_valid() const {
  ConfigIssues issues;
  validate(issues, "vision");
  if (issues.empty()) return;
  std::string what, hint;
  for (const auto& i : issues.issues()) {
    what += fmt::format("{}{}: {}", what.empty() ? "" : "; ", i.key, i.what);
    if (hint.empty()) hint = i.hint;
  }
  throw ConfigError("Invalid", "experiments.vision", {.what = what, .hint = hint});
}

}  // namespace pear::vision
