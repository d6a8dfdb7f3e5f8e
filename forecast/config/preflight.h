// How long a training run will take and what it will need, from a sample of its own work on this machine.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "forecast/config/training_plan.h"
#include "forecast/train/trainer.h"

namespace pear::forecast {

/// A prediction for `ranks` processes, each on a machine like this one, and what a short run in this process measured.
///
/// seconds per step = slots of a rank x (forward and backward of one micro-batch, timed) + update (timed)
///                    + bytes of the gradient's reduction and of the shifts of shared samples / bandwidth
/// Where parallel.mesh.domain ranks share a sample, a micro-batch takes that part of the time of the whole.
/// Reading data is not in it: the loader works ahead, and the short run shows what waiting costs.
struct Preflight {
  int64_t ranks = 1, slots_per_rank = 1, slot_samples = 1;
  int64_t memory_per_rank_bytes = 0;
  int64_t store_bytes = 0;     ///< float32 values of the whole store
  int64_t bytes_per_step = 0;  ///< sent by one rank
  double slot_seconds = 0, update_seconds = 0, communication_seconds = 0;
  double seconds_per_step = 0, total_hours = 0;
  double checkpoint_seconds = 0;  ///< of one process, timed beside the run folder where that can be written

  struct Measured {
    int64_t steps = 0;
    double seconds_per_step = 0;
    int64_t peak_bytes = 0;
    double checkpoint_seconds = 0;
  };
  std::optional<Measured> measured;  ///< of one process
};

/// Section `check`: what the prediction is for.
struct PreflightOptions {
  int64_t ranks = 1;
  double bandwidth_gb_per_s = 10;  ///< between ranks, in both directions at once
  int64_t steps = 0;               ///< of a short run to compare with; 0: none
};

/// Bytes that one rank sends for the gradient of a step: its subtrees to their owners, its sums to everybody.
int64_t gradient_bytes(int64_t num_parameters, int64_t slots_per_rank, int64_t ranks);

/// Bytes that one rank sends for the shifts of one sample in a step where parallel.mesh.domain ranks share it
/// (float32).
int64_t shared_sample_bytes(const TrainRequest& request, const StateLayout& layout);

/// Seconds from a stop signal to the end: the step under way and one more, a checkpoint, and where it is written in the
/// background the one before it, for which it waits. A job must be told to stop at least so long before its time limit.
double stop_seconds(double seconds_per_step, double checkpoint_seconds, const CheckpointConfig& config);

/// Without a measurement: bytes of a checkpoint at a rate that shared file systems reach.
double guessed_checkpoint_seconds(const TrainingPlan& plan);

/// Times one micro-batch of random fields and one update of the network that `request` describes, and with
/// `options.steps` a short run on the store. Writes to temporary folders that are removed.
/// Errors:  those of `train`; ConfigError `BatchNotDivisible` if the ranks do not divide the batch, `MeshMismatch`.
Preflight preflight_training(const TrainRequest& request, const TrainingPlan& plan, const PreflightOptions& options);

/// Relative error of the prediction against the short run, in percent.
double error_percent(double predicted, double measured);

nlohmann::json preflight_json(const Preflight& preflight);

}  // namespace pear::forecast
