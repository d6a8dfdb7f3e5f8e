// Which samples a step takes and how many model steps they are long: the sampler of each phase of train.rollout.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "forecast/train/sampler.h"
#include "forecast/train/train_config.h"

namespace pear::forecast {

/// A pure function of (configuration, numbers of samples, seed, step), so restarts change nothing.
///
/// Longer samples touch more times, so each phase draws from a list of its own. A phase begins a new epoch; the epoch
/// that its border interrupts counts as one. `train.epochs` counts all of them.
/// Errors:  ConfigError `TooFewSamples` if an epoch of a phase that is reached would have no step.
class SamplePlan {
 public:
  /// `num_samples(K)`: how many samples of K model steps there are.
  SamplePlan(const TrainConfig& config, uint64_t seed, const std::function<int64_t(int64_t)>& num_samples);
  /// One phase of single steps.
  SamplePlan(Sampler sampler);

  /// Steps of the whole run: all epochs, or train.max_steps if that is earlier.
  int64_t total_steps() const { return total_steps_; }
  int64_t epoch_of(int64_t step) const;
  int64_t steps_per_epoch(int64_t step) const { return phases_[phase_at(step)].sampler.steps_per_epoch(); }
  /// Model steps of the samples of a training step.
  int64_t rollout_of(int64_t step) const { return phases_[phase_at(step)].rollout; }
  /// Samples of a step, positions in the list of its phase. Not thread-safe, as Sampler.
  std::vector<int64_t> samples_of(int64_t step);
  /// True if `num_steps` steps end an epoch and with it a number of epochs that `every` divides.
  bool ends_epochs(int64_t num_steps, int64_t every) const;
  /// First steps of the phases that the run reaches.
  std::vector<int64_t> phase_starts() const;

 private:
  struct Phase {
    int64_t from_step, rollout;
    Sampler sampler;
  };
  size_t phase_at(int64_t step) const;
  std::vector<Phase> phases_;
  int64_t total_steps_ = 0;
};

}  // namespace pear::forecast
