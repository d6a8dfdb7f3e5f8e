// One arm with one seed: trained and measured, forecast and scored; each finished piece is a file.
#pragma once

#include <map>
#include <memory>

#include "forecast/studies/grid_comparison.h"

namespace pear::forecast {

/// Opened stores by grid spec.
using StoresByGrid = std::map<std::string, std::shared_ptr<const io::Store>>;

/// The arm that the others are compared with; the statistics of its store normalise all of them.
/// Errors:  ConfigError `UnknownArm`.
const ComparisonArm& baseline_of(const ComparisonRequest& request);

/// Folder of an arm and a seed.
std::filesystem::path arm_folder(const ComparisonRequest& request, const ComparisonArm& arm, int64_t seed);

/// The network's configuration with every switch spelled out.
nlohmann::json resolved_model(const ModelConfig& model);

/// What a trained arm says of itself (arm.json).
struct TrainedArm {
  nlohmann::json record;  ///< definition, parameters, seconds_per_step, peak_memory_bytes, best_step, checkpoint
  bool was_finished = false;
};

/// Errors: as run_grid_comparison.
TrainedArm train_arm(const ComparisonRequest& request, const ComparisonArm& arm, int64_t seed,
                     const StoresByGrid& stores);

/// Forecasts and scores a trained arm on one grid; leaves sums.nc and scores in the folder that is returned.
struct ScoredArm {
  std::filesystem::path folder;
  bool was_finished = false;
};
ScoredArm score_arm(const ComparisonRequest& request, const ComparisonArm& arm, int64_t seed, const std::string& grid,
                    const StoresByGrid& stores);

}  // namespace pear::forecast
