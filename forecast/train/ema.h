// Exponential moving average of the weights.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "forecast/train/bucket_plan.h"
#include "forecast/train/flat_parameters.h"
#include "forecast/train/train_config.h"

namespace pear::forecast {

/// average <- d average + (1 - d) weights after every step, d = decay, or min(decay, (1 + t) / (10 + t)) with warm-up
/// (t = updates so far, from 1). Starts at the initial weights.
class Ema {
 public:
  Ema(const EmaConfig& config, const FlatParameters& parameters);
  /// `num_updates` counts from 1.
  void update(const FlatParameters& parameters, int64_t num_updates);
  /// Keeps the average of these parts of the buffer only, one behind the other.
  void keep_only(const std::vector<FlatRange>& shards);
  static double decay_at(const EmaConfig& config, int64_t num_updates);
  /// [n] (of the shards), writable for checkpoints.
  const torch::Tensor& average() const { return average_; }

 private:
  EmaConfig config_;
  std::vector<FlatRange> shards_;  ///< empty: the whole buffer
  torch::Tensor average_;
};

/// Puts other values into the parameters for the life of this object (validation of averaged weights).
class ScopedWeights {
 public:
  ScopedWeights(const FlatParameters& parameters, const torch::Tensor& values);
  ~ScopedWeights();
  ScopedWeights(const ScopedWeights&) = delete;
  ScopedWeights& operator=(const ScopedWeights&) = delete;

 private:
  torch::Tensor target_, saved_;
};

}  // namespace pear::forecast
