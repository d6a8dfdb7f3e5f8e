// Entry point of training: one request in, checkpoints and metrics out.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "forecast/model/model_config.h"
#include "forecast/train/checkpoint_config.h"
#include "forecast/train/data_axis.h"
#include "forecast/train/data_config.h"
#include "forecast/train/parallel_config.h"
#include "forecast/train/train_config.h"
#include "forecast/train/trained_model.h"
#include "io/store.h"

namespace pear::forecast {

/// How a run begins (design: training-and-distribution.md section 6).
enum class StartMode {
  Fresh,       ///< new weights; the run folder must hold no checkpoints
  Resume,      ///< everything from the newest valid checkpoint of the run folder; same configuration and data
  Fork,        ///< weights, optimiser and step of `start_path`; data and schedule may differ, differences are listed
  WarmStart,   ///< weights of `start_path` by name; step 0
  WeightsOnly  ///< weights (raw or averaged) of `start_path` for the same network; step 0. Also a safetensors file
};

struct TrainRequest {
  std::filesystem::path run_dir;
  std::string name = "run";
  uint64_t seed = 1;
  torch::Device device = torch::kCPU;
  std::string precision = "fp32";  ///< fp32 | bf16 (autocast, float32 master weights)
  /// Deterministic kernels, slots of one sample added in a fixed tree (the same bits for any number of ranks), no
  /// times in metrics files.
  bool reproducible = false;
  bool overwrite = false;  ///< Fresh: remove checkpoints of an earlier run first
  DataConfig data;
  ModelConfig model;
  TrainConfig train;
  CheckpointConfig checkpoint;
  ParallelConfig parallel;
  StartMode mode = StartMode::Fresh;
  std::filesystem::path start_path;                   ///< for Fork, WarmStart, WeightsOnly
  WeightsKind start_weights = WeightsKind::Auto;      ///< for WarmStart, WeightsOnly
  bool warm_start_strict = true;                      ///< every weight must match by name and shape
  std::map<std::string, std::string> warm_start_map;  ///< name here -> name in the checkpoint
  nlohmann::json resolved_config;                     ///< whole resolved run config, for provenance
  std::string config_sha256;
  std::shared_ptr<const io::Store> store;       ///< opened from data.store if null
  std::shared_ptr<const io::Store> statistics;  ///< whose means and deviations normalise; the training store if null
  std::shared_ptr<DataAxis> data_axis;          ///< one process if null
  std::function<void()> on_progress;            ///< called after every micro-batch and file, if set
};

struct TrainResult {
  int64_t steps = 0;        ///< steps done by the whole run
  int64_t total_steps = 0;  ///< steps planned
  double last_loss = 0;     ///< loss of the last step
  std::optional<double> best_value;
  std::optional<int64_t> best_step;
  std::string best_metric;
  std::filesystem::path last_checkpoint, best_checkpoint;  ///< best equals last without validation
  int64_t num_parameters = 0;
  double seconds = 0;
  double median_step_seconds = 0;      ///< of this process, with data, optimiser and log, without validation
  double checkpoint_seconds = 0;       ///< the last one, from its start until it was complete
  double checkpoint_wait_seconds = 0;  ///< that training waited for a checkpoint, on the average
};

/// Trains until the planned steps are done. With a parallel axis all ranks call this; rank 0 writes the files, and a
/// stop signal to any rank stops all after the same step. The caller installs the stop signals (base/signals.h).
///
/// Files:   run_dir/checkpoints/ (checkpoint.h), run_dir/metrics.jsonl and metrics.csv.
/// Errors:  ConfigError, DataError (store, dataset, `RunExists`, `BadCheckpoint`, `ConfigChanged`, `DataChanged`,
///          `GridMismatch`, `NonFinite`), CommError; StoppedBySignal after the state was saved.
TrainResult train(const TrainRequest& request);

}  // namespace pear::forecast
