// Which sample comes next, as a pure function of (seed, step): no stream state, so restarts change nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pear::forecast {

/// Epoch permutations keyed by (seed, epoch); position = step. Epochs count from `first_epoch`.
///
/// Step s belongs to epoch first_epoch + s / steps_per_epoch() and takes `samples_per_step` neighbours of that epoch's
/// permutation. Incomplete last step of an epoch: `drop` leaves it out, `wrap` fills it from the start of the same
/// permutation. Errors:  ConfigError `TooFewSamples` if an epoch would have no step; PEAR_ASSERT on a negative step.
class Sampler {
 public:
  Sampler(int64_t num_samples, int64_t samples_per_step, uint64_t seed, bool wrap, int64_t first_epoch = 0);

  int64_t num_samples() const { return num_samples_; }
  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  int64_t epoch_of(int64_t step) const { return first_epoch_ + step / steps_per_epoch_; }
  /// The samples of one step, in slot order: [samples_per_step]. Not thread-safe (keeps the last permutation).
  std::vector<int64_t> samples_of(int64_t step);
  /// Fisher-Yates with counter-based draws: [num_samples].
  static std::vector<int64_t> permutation(int64_t num_samples, uint64_t seed, int64_t epoch);

 private:
  int64_t num_samples_, samples_per_step_, steps_per_epoch_;
  uint64_t seed_;
  int64_t first_epoch_;
  int64_t cached_epoch_ = -1;
  std::vector<int64_t> cached_;
};

}  // namespace pear::forecast
