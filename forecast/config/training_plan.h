// What a training run will need, before it starts: parameters, steps, memory, disk.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "forecast/config/run_config.h"
#include "forecast/state/state.h"
#include "io/store.h"

namespace pear::forecast {

struct TrainingPlan {
  StateLayout layout;
  int64_t num_parameters = 0;
  int64_t num_pairs = 0, num_dropped = 0, num_select_pairs = 0;
  int64_t steps_per_epoch = 0, total_steps = 0;
  int64_t memory_bytes = 0;          ///< estimate: weights, moments, activations, resident data
  int64_t machine_memory_bytes = 0;  ///< of the whole machine
  int64_t checkpoint_bytes = 0, disk_bytes = 0;
};

/// Layout, parameters and memory alone; with checkpointed stages and cuts of a rollout taken into account.
/// Errors:  those of layout_from_store and make_network.
TrainingPlan estimate_training_memory(const RunConfig& config, const io::Store& store);

/// Warns where training on the CPU would take most of the machine's memory.
/// Errors:  ConfigError `NotEnoughMemory` naming the keys that help, where it would take more than there is.
void require_memory(const TrainingPlan& plan);

/// Errors:  those of layout_from_store, make_network and the sampler (`NoPairs`, `TooFewSamples`).
TrainingPlan plan_training(const RunConfig& config, const io::Store& store);

/// One line per number, and the same as JSON.
std::string plan_text(const TrainingPlan& plan);
nlohmann::json plan_json(const TrainingPlan& plan);

/// Parameters of the network that the configuration alone describes; empty for baselines and where no variables are
/// named. Errors: ConfigError of make_network.
std::optional<int64_t> num_parameters_of(const RunConfig& config);

}  // namespace pear::forecast
