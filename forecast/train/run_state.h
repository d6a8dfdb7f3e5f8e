// The identity of a trained model and the progress of a run as JSON (state.json of a checkpoint).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "forecast/model/model_config.h"
#include "forecast/state/state.h"
#include "forecast/train/checkpoint.h"
#include "forecast/train/trainer.h"

namespace pear::forecast {

/// What changes from step to step besides the tensors.
struct RunProgress {
  int64_t step = 0;        ///< steps done
  double last_loss = 0;    ///< loss of the last step
  double window_loss = 0;  ///< sum of losses since the last logged row
  int64_t window_steps = 0;
  std::vector<BestEntry> best;  ///< best first
};
nlohmann::json json_from_progress(const RunProgress& progress);
RunProgress progress_from_json(const nlohmann::json& json);

nlohmann::json json_from_layout(const StateLayout& layout);
StateLayout layout_from_json(const nlohmann::json& json);
/// Errors:  DataError `BadCheckpoint` if the section does not fit this program.
ModelConfig model_config_from_json(const nlohmann::json& json);

/// The sections that define a run, without free keys (paths, logging, prefetch, stop step, retention).
nlohmann::json defining_config(const TrainRequest& request);

/// Differences `key: a -> b` between two JSON trees, by dotted key.
std::vector<std::string> differences(const nlohmann::json& before, const nlohmann::json& after);

}  // namespace pear::forecast
