#include "forecast/train/sampler.h"

#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/random.h"

namespace pear::forecast {

Sampler::Sampler(int64_t num_samples, int64_t samples_per_step, uint64_t seed, bool wrap, int64_t first_epoch)
    : num_samples_(num_samples), samples_per_step_(samples_per_step), seed_(seed), first_epoch_(first_epoch) {
  PEAR_ASSERT(samples_per_step > 0);
  steps_per_epoch_ = wrap ? (num_samples + samples_per_step - 1) / samples_per_step : num_samples / samples_per_step;
  if (steps_per_epoch_ < 1)
    throw ConfigError(
        "TooFewSamples", "train.sampler",
        {.what = "an epoch has no complete step",
         .expected = "at least " + std::to_string(samples_per_step) + " samples (train.slots x train.batch)",
         .found = std::to_string(num_samples) + " training pairs",
         .hint = "lower train.slots or train.batch, set train.last_batch: wrap, or widen data.train"});
}

std::vector<int64_t> Sampler::permutation(int64_t num_samples, uint64_t seed, int64_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(num_samples));
  std::iota(order.begin(), order.end(), 0);
  const std::string purpose = "sampler/epoch" + std::to_string(epoch);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_below(seed, purpose, i, i)]);
  return order;
}

std::vector<int64_t> Sampler::samples_of(int64_t step) {
  PEAR_ASSERT(step >= 0);
  const int64_t epoch = epoch_of(step);
  if (epoch != cached_epoch_) {
    cached_ = permutation(num_samples_, seed_, epoch);
    cached_epoch_ = epoch;
  }
  const int64_t first = (step % steps_per_epoch_) * samples_per_step_;
  std::vector<int64_t> samples;
  for (int64_t i = 0; i < samples_per_step_; ++i)
    samples.push_back(cached_[static_cast<size_t>((first + i) % num_samples_)]);
  return samples;
}

}  // namespace pear::forecast
