#include <fmt/format.h>

#include "base/config/keys.h"
#include "base/config/reader.h"
#include "base/config/writer.h"
#include "cli/inspect.h"
#include "experiments/vision/heal_swin.h"

namespace pear::cli {

bool is_vision_config(const std::filesystem::path& path) {
  std::vector<LocatedIssue> ignored;
  return read_document(path, ignored).find("vision") != nullptr;
}

std::vector<KeyInfo> vision_keys() { return list_keys<vision::VisionConfig>(); }

CommandResult inspect_vision_config(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  vision::VisionConfig config;
  const ConfigOrigins origins = read_config(config, {.file = path, .overrides = overrides});
  CommandResult out;
  nlohmann::json values = nlohmann::json::array();
  for (const ResolvedValue& v : resolved_values(bind_field(config), origins)) {
    out.text += fmt::format("{} = {}   ({})\n", v.key, v.value, v.origin);
    values.push_back({{"key", v.key}, {"value", v.value}, {"origin", v.origin}});
  }
  const int64_t parameters = vision::HealSwin(config.vision)->num_parameters();
  out.text += fmt::format("\nmodel heal_swin with {} parameters on {} base pixels of nside {}\nSHA-256 {}\n",
                          parameters, config.vision.base_pixels, config.vision.nside, sha256_of_config(config));
  out.result = {{"kind", "vision_config"},
                {"config", to_json_value(config)},
                {"sha256", sha256_of_config(config)},
                {"values", std::move(values)},
                {"parameters", parameters}};
  return out;
}

}  // namespace pear::cli
