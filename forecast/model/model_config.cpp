#include "forecast/model/model_config.h"

#include <fmt/format.h>

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

}  // namespace

void ModelConfig::validate(ConfigIssues& issues, const std::string& path) const {
  const auto key = [&](const char* name) { return path.empty() ? std::string(name) : path + "." + name; };
  check_list(issues, key("patch"), patch, 2);
  check_list(issues, key("window"), window, 2);
  check_list(issues, key("dims"), dims, 4);
  check_list(issues, key("heads"), heads, 4);
  if (depths.size() != 4) issues.add(key("depths"), fmt::format("has {} numbers, expected 4", depths.size()));
  for (int64_t d : depths)
    if (d < 0) issues.add(key("depths"), fmt::format("{} is negative", d));
  if (patch.size() == 2 && !is_power_of_four(patch[1]))
    issues.add(key("patch"), fmt::format("{} pixels are no square nested patch", patch[1]), "use 1, 4, 16 or 64");
  if (window.size() == 2 && !is_power_of_four(window[1]))
    issues.add(key("window"), fmt::format("{} tokens are no square nested window", window[1]), "use 4, 16 or 64");
  if (dims.size() == 4 && (dims[1] != 2 * dims[0] || dims[2] != dims[1] || dims[3] != dims[0]))
    issues.add(key("dims"), fmt::format("[{}] is not d, 2d, 2d, d", fmt::join(dims, ", ")), "e.g. [48, 96, 96, 48]");
  if (dims.size() == 4 && heads.size() == 4)
    for (size_t i = 0; i < 4; ++i)
      if (heads[i] > 0 && dims[i] % heads[i] != 0)
        issues.add(key("heads"), fmt::format("{} heads do not divide {} channels of stage {}", heads[i], dims[i], i));
  if (mlp_ratio < 1) issues.add(key("mlp_ratio"), fmt::format("{} is not positive", mlp_ratio));
  if (ring_shift < 0) issues.add(key("ring_shift"), fmt::format("{} is negative", ring_shift));
  check_probability(issues, key("drop_path"), drop_path);
  check_probability(issues, key("dropout"), dropout);
  check_probability(issues, key("attention_dropout"), attention_dropout);
}

}  // namespace pear::forecast
