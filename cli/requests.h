// From a loaded configuration to the requests of the libraries, and what every run does first.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/commands.h"
#include "forecast/config/device.h"
#include "forecast/config/run_config.h"
#include "forecast/rollout/rollout.h"
#include "forecast/train/trainer.h"
#include "forecast/verify/score.h"

namespace pear::cli {

/// The one configuration file among the arguments, and the overrides.
/// Errors:  ConfigError `NoConfig`.
ConfigInput config_input(const Arguments& arguments);

/// Reads the one configuration file among the arguments and states it for the provenance of every output.
/// Errors:  ConfigError `NoConfig`, and all mistakes of the configuration.
forecast::LoadedConfig load_config(const Arguments& arguments);

/// Makes the run folder, opens run.log in it and logs the first lines.
/// Errors:  DataError `NotWritable`.
void begin_run(const forecast::RunConfig& config);

/// Resolved configuration as YAML under a heading, for --dry-run.
std::string resolved_text(const forecast::RunConfig& config);

forecast::TrainRequest train_request(const forecast::RunConfig& config, const Arguments& arguments);
forecast::RolloutRequest rollout_request(const forecast::RunConfig& config);
forecast::ScoreRequest score_request(const forecast::RunConfig& config);

/// Bytes as `6.1 GiB`.
std::string format_bytes(double bytes);

}  // namespace pear::cli
