#include "cli/command_inspect.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "cli/help.h"
#include "cli/inspect.h"
#include "forecast/config/run_config.h"
#include "io/store_summary.h"

namespace pear::cli {
namespace {

namespace fs = std::filesystem;

bool is_pointer(const fs::path& path) { return path.filename() == "last.json" || path.filename() == "best.json"; }

bool is_yaml(const fs::path& path) { return path.extension() == ".yaml" || path.extension() == ".yml"; }

bool is_scores(const fs::path& path) {
  const std::string name = path.filename().string();
  return name == "scores.json" || name == "scores.nc" || name == "scores.csv" || name == "sums.nc";
}

CommandResult inspect_path(const fs::path& path, const Arguments& arguments) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw DataError("FileNotFound", "cli", {.what = path.string() + " does not exist"});
  if (fs::is_directory(path)) {
    if (io::is_store(path)) return inspect_store(path, arguments.verify);
    return inspect_checkpoint(path, arguments.verify);
  }
  if (is_yaml(path))
    return is_vision_config(path) ? inspect_vision_config(path, arguments.overrides)
                                  : inspect_config(path, arguments.overrides);
  if (is_pointer(path)) return inspect_checkpoint(path, arguments.verify);
  if (path.extension() == ".weights") return inspect_weights(path);
  if (path.extension() == ".safetensors") return inspect_safetensors(path);
  if (is_scores(path)) return inspect_scores(path);
  if (auto forecast = inspect_forecast(path)) return *forecast;
  if (auto climatology = inspect_climatology(path)) return *climatology;
  return inspect_fields(path, arguments.verify);
}

}  // namespace

CommandResult run_inspect(const Arguments& arguments) {
  if (arguments.keys) {
    auto keys = list_keys<forecast::ConfigFile>();
    for (auto& key : vision_keys()) keys.push_back(std::move(key));
    return {.text = keys_text(keys), .result = {{"kind", "keys"}, {"keys", keys_json(keys)}}};
  }
  if (arguments.paths.size() != 1)
    throw ConfigError("NoPath", "cli",
                      {.what = "inspect",
                       .expected = "one path",
                       .found = std::to_string(arguments.paths.size()),
                       .hint = "pear inspect --help shows examples"});
  if (!arguments.export_names.empty())
    return export_weights(arguments.paths.front(), arguments.export_names, arguments.out);
  if (!arguments.out.empty())
    throw ConfigError("LonelyFlag", "cli", {.what = "--out", .hint = "it names the file of --export-names"});
  return inspect_path(arguments.paths.front(), arguments);
}

}  // namespace pear::cli
