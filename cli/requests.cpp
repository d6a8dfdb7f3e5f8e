#include "cli/requests.h"

#include <fmt/format.h>

#include <array>

#include "base/config/writer.h"
#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/provenance.h"
#include "base/version.h"
#include "forecast/train/checkpoint.h"

namespace pear::cli {
namespace fs = std::filesystem;

ConfigInput config_input(const Arguments& arguments) {
  if (arguments.paths.size() != 1)
    throw ConfigError("NoConfig", "cli",
                      {.what = arguments.verb,
                       .expected = "one configuration file",
                       .found = arguments.paths.empty() ? "none" : std::to_string(arguments.paths.size()) + " paths",
                       .hint = fmt::format("pear {} --help shows examples", arguments.verb)});
  return {.file = arguments.paths.front(), .overrides = arguments.overrides};
}

forecast::LoadedConfig load_config(const Arguments& arguments) {
  forecast::LoadedConfig loaded = forecast::load_run_config(config_input(arguments));
  set_reproducible_provenance(loaded.config.run.reproducible);
  set_provenance_config(to_json_value(loaded.config), sha256_of_config(loaded.config));
  return loaded;
}

void begin_run(const forecast::RunConfig& config) {
  const fs::path folder = config.run.folder();
  ensure_writable_directory(folder);
  open_log_file(folder / "run.log");
  log_info("pear {}; run folder {}", version_text(built_revision()), folder.string());
}

std::string resolved_text(const forecast::RunConfig& config) {
  return fmt::format("# resolved configuration, SHA-256 {}\n{}", sha256_of_config(config), to_yaml(config));
}

forecast::TrainRequest train_request(const forecast::RunConfig& config, const Arguments& arguments) {
  forecast::TrainRequest request;
  request.run_dir = config.run.folder();
  request.name = config.run.name;
  request.seed = static_cast<uint64_t>(config.run.seed);
  request.precision = config.run.precision;
  request.reproducible = config.run.reproducible;
  request.overwrite = config.run.overwrite;
  request.data = config.data;
  request.model = config.model;
  request.train = config.train;
  request.checkpoint = config.checkpoint;
  request.parallel = config.parallel;
  request.resolved_config = to_json_value(config);
  request.config_sha256 = sha256_of_config(config);
  const std::array<std::pair<const fs::path*, forecast::StartMode>, 3> starts{
      {{&arguments.fork, forecast::StartMode::Fork},
       {&arguments.warm_start, forecast::StartMode::WarmStart},
       {&arguments.weights_only, forecast::StartMode::WeightsOnly}}};
  int num_modes = arguments.resume ? 1 : 0;
  for (const auto& [path, mode] : starts) {
    if (path->empty()) continue;
    ++num_modes;
    request.mode = mode;
    request.start_path = *path;
  }
  if (num_modes > 1)
    throw ConfigError("ManyStarts", "cli",
                      {.what = "--resume, --fork, --warm-start and --weights-only exclude each other"});
  // A run that was started is continued by the same command; a changed configuration is refused by the trainer.
  const bool exists = !forecast::list_checkpoints(request.run_dir / "checkpoints").empty();
  if (arguments.resume || (num_modes == 0 && exists && !config.run.overwrite))
    request.mode = forecast::StartMode::Resume;
  return request;
}

forecast::RolloutRequest rollout_request(const forecast::RunConfig& config) {
  forecast::RolloutRequest request;
  request.run_dir = config.run.folder();
  request.config = config.forecast;
  // A file says itself when it starts; the test period belongs to the store.
  if (request.config.init.empty() && request.config.initial_file.empty()) request.config.init = config.data.test;
  request.training_period = config.data.train;
  request.selection_period = config.data.select;
  request.overwrite = config.run.overwrite;
  request.provenance = provenance_base();
  return request;
}

forecast::ScoreRequest score_request(const forecast::RunConfig& config) {
  forecast::ScoreRequest request;
  request.run_dir = config.run.folder();
  request.climatology = config.climatology;
  request.climatology_period = config.data.train;
  request.config = config.score;
  request.seed = static_cast<uint64_t>(config.run.seed);
  request.overwrite = config.run.overwrite;
  request.provenance = provenance_base();
  return request;
}

std::string format_bytes(double bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < units.size()) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

}  // namespace pear::cli
