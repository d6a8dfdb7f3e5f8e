#include <fmt/format.h>

#include "base/config/writer.h"
#include "cli/inspect.h"
#include "forecast/config/run_config.h"
#include "forecast/config/training_plan.h"

namespace pear::cli {

CommandResult inspect_config(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  auto loaded = forecast::load_run_config({.file = path, .overrides = overrides});
  forecast::ConfigFile file{.run = loaded.config, .slurm = loaded.slurm};
  const forecast::RunConfig& config = loaded.config;
  CommandResult out;
  nlohmann::json values = nlohmann::json::array();
  for (const ResolvedValue& v : resolved_values(bind_field(file), loaded.origins)) {
    out.text += fmt::format("{} = {}   ({})\n", v.key, v.value, v.origin);
    values.push_back({{"key", v.key}, {"value", v.value}, {"origin", v.origin}});
  }
  out.result = {{"kind", "config"},
                {"grid", config.grid},
                {"config", to_json_value(config)},
                {"sha256", sha256_of_config(config)},
                {"values", values}};
  if (const auto parameters = forecast::num_parameters_of(config)) {
    out.text += fmt::format("\nmodel {} with {} parameters on {}\n", config.model.name, *parameters, config.grid);
    out.result["parameters"] = *parameters;
  }
  out.text += fmt::format("SHA-256 {}\n", sha256_of_config(config));
  return out;
}

}  // namespace pear::cli
