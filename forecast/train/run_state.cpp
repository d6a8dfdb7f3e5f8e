#include "forecast/train/run_state.h"

#include <array>
#include <string_view>

#include "base/config/reader.h"
#include "base/config/writer.h"
#include "base/error.h"

namespace pear::forecast {
namespace {

/// Keys that a resumed run may change: where things lie, what is logged, when it stops, what is kept, what is computed
/// twice with the same bits.
constexpr std::array<std::string_view, 8> kFreeKeys{
    "/data/sources", "/data/store",         "/data/prefetch",      "/data/resident_limit_mib",
    "/data/test",    "/data/allow_overlap", "/train/stop_at_step", "/train/activation_checkpointing"};

void flatten_differences(const nlohmann::json& before, const nlohmann::json& after, const std::string& key,
                         std::vector<std::string>& out) {
  if (before == after) return;
  if (!before.is_object() || !after.is_object()) {
    out.push_back(key + ": " + before.dump() + " -> " + after.dump());
    return;
  }
  const auto child = [&](const std::string& name) { return key.empty() ? name : key + "." + name; };
  for (const auto& [name, value] : before.items())
    flatten_differences(value, after.value(name, nlohmann::json()), child(name), out);
  for (const auto& [name, value] : after.items())
    if (!before.contains(name)) flatten_differences(nlohmann::json(), value, child(name), out);
}

}  // namespace

nlohmann::json json_from_progress(const RunProgress& progress) {
  nlohmann::json best = nlohmann::json::array();
  for (const auto& entry : progress.best) best.push_back({{"step", entry.step}, {"value", entry.value}});
  return {{"last_loss", progress.last_loss},
          {"window_loss", progress.window_loss},
          {"window_steps", progress.window_steps},
          {"best", best}};
}

RunProgress progress_from_json(const nlohmann::json& json) {
  RunProgress progress;
  progress.last_loss = json.at("last_loss").get<double>();
  progress.window_loss = json.at("window_loss").get<double>();
  progress.window_steps = json.at("window_steps").get<int64_t>();
  for (const auto& entry : json.at("best"))
    progress.best.push_back({entry.at("step").get<int64_t>(), entry.at("value").get<double>()});
  return progress;
}

nlohmann::json json_from_layout(const StateLayout& layout) {
  return {{"grid", layout.grid.spec()},
          {"surface", layout.surface},
          {"upper", layout.upper},
          {"levels_hpa", layout.levels_hpa}};
}

StateLayout layout_from_json(const nlohmann::json& json) {
  StateLayout layout;
  layout.grid = sphere::Grid::from_spec(json.at("grid").get<std::string>());
  layout.surface = json.at("surface").get<std::vector<std::string>>();
  layout.upper = json.at("upper").get<std::vector<std::string>>();
  layout.levels_hpa = json.at("levels_hpa").get<std::vector<double>>();
  return layout;
}

ModelConfig model_config_from_json(const nlohmann::json& json) {
  ConfigInput input;
  for (const auto& [key, value] : json.items())
    if (!value.is_null()) input.overrides.push_back(key + "=" + value.dump());
  ModelConfig config;
  try {
    read_config(config, input);
  } catch (const ConfigError& e) {
    throw DataError("BadCheckpoint", "train.checkpoint",
                    {.what = "model section of state.json",
                     .found = e.what(),
                     .hint = "the checkpoint was written by another version of this program"});
  }
  return config;
}

nlohmann::json defining_config(const TrainRequest& request) {
  nlohmann::json config{{"data", to_json_value(request.data)},
                        {"model", to_json_value(request.model)},
                        {"train", to_json_value(request.train)},
                        {"run",
                         {{"seed", request.seed},
                          {"precision", request.precision},
                          {"device", torch::DeviceTypeName(request.device.type(), /*lower_case=*/true)}}}};
  for (const auto key : kFreeKeys) {
    const nlohmann::json::json_pointer pointer{std::string(key)};
    if (!config.contains(pointer)) continue;
    config.at(pointer.parent_pointer()).erase(pointer.back());
  }
  return config;
}

std::vector<std::string> differences(const nlohmann::json& before, const nlohmann::json& after) {
  std::vector<std::string> out;
  flatten_differences(before, after, "", out);
  return out;
}

}  // namespace pear::forecast
