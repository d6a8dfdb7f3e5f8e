// Autoregressive forecasts of any ForecastModel: the entry point of this folder.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/config/field.h"
#include "forecast/model/forecast_model.h"
#include "forecast/rollout/forecast_config.h"
#include "io/store.h"

namespace pear::distributed {
class Communicator;
}

namespace pear::forecast {

struct RolloutRequest {
  std::filesystem::path run_dir;           ///< files go to run_dir/forecasts/<model>/<init>.nc
  std::shared_ptr<const io::Store> store;  ///< initial states; may be null with config.initial_file
  ForecastConfig config;
  torch::Device device = torch::kCPU;  ///< where the model lives
  std::string model_id;                ///< identity of the weights (checkpoint checksum), part of the definition
  TimeSelection training_period;       ///< recorded in the files, so that scoring can warn
  TimeSelection selection_period;
  std::filesystem::path weight_cache;  ///< folder of regridding weights (export_grid); empty: run_dir/weights
  bool overwrite = false;              ///< replace files of another definition
  nlohmann::json provenance;           ///< goes into every file
  /// Processes that take the initial times in turn; null: this one alone. The files do not depend on their number.
  std::shared_ptr<distributed::Communicator> communicator;
};

struct RolloutResult {
  std::filesystem::path folder;              ///< run_dir/forecasts/<model>
  std::vector<std::filesystem::path> files;  ///< one per initial time, ascending
  int64_t num_written = 0, num_skipped = 0;  ///< of all ranks; skipped: complete files of the same definition
  std::vector<Duration> leads;
  std::string definition_id;
};

/// The plan without any work, for `--dry-run` and `check`: leads, files, which of them exist already.
/// Errors:  ConfigError naming the key (lead <= 0, lead or every not a multiple of the model's step, no initial time),
///          `UnpairedVector` (conservative export of one wind component).
RolloutResult plan_rollout(const ForecastModel& model, const RolloutRequest& request);

/// Runs the model from every initial time and writes one CF NetCDF file each, complete or not at all.
///
/// Memory:  two states on the device and one output buffer (two for winds on another grid) on the host.
/// Resume:  complete files of the same definition are left alone; others are an error.
/// Errors:  ConfigError as plan_rollout; DataError `MissingTime` (initial state not in the store), `GridMismatch`,
///          `MissingVariable`, `MissingLevel`, `NonFinite` (variable, level, cell, lead), `ResultExists`;
///          StoppedBySignal between steps (the unfinished file is discarded); CommError.
RolloutResult rollout(ForecastModel& model, const RolloutRequest& request);

}  // namespace pear::forecast
