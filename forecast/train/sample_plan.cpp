#include "forecast/train/sample_plan.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace pear::forecast {

SamplePlan::SamplePlan(const TrainConfig& config, uint64_t seed, const std::function<int64_t(int64_t)>& num_samples) {
  auto schedule = config.rollout.schedule;
  if (schedule.empty()) schedule.push_back({});
  int64_t first_epoch = 0;
  for (size_t i = 0; i < schedule.size(); ++i) {
    const auto& phase = schedule[i];
    Sampler sampler(num_samples(phase.steps), config.slots * config.batch, seed, config.last_batch == "wrap",
                    first_epoch);
    const int64_t per_epoch = sampler.steps_per_epoch();
    phases_.push_back({phase.from_step, phase.steps, std::move(sampler)});
    total_steps_ = phase.from_step + (config.epochs - first_epoch) * per_epoch;
    if (config.max_steps > 0) total_steps_ = std::min(total_steps_, config.max_steps);
    if (i + 1 == schedule.size() || schedule[i + 1].from_step >= total_steps_) break;
    first_epoch += (schedule[i + 1].from_step - phase.from_step + per_epoch - 1) / per_epoch;
    if (first_epoch == config.epochs) {  // the border cuts the last epoch short
      total_steps_ = schedule[i + 1].from_step;
      break;
    }
  }
}

SamplePlan::SamplePlan(Sampler sampler) { phases_.push_back({0, 1, std::move(sampler)}); }

size_t SamplePlan::phase_at(int64_t step) const {
  PEAR_ASSERT(step >= 0);
  size_t i = phases_.size() - 1;
  while (phases_[i].from_step > step) --i;
  return i;
}

int64_t SamplePlan::epoch_of(int64_t step) const {
  const Phase& phase = phases_[phase_at(step)];
  return phase.sampler.epoch_of(step - phase.from_step);
}

std::vector<int64_t> SamplePlan::samples_of(int64_t step) {
  Phase& phase = phases_[phase_at(step)];
  return phase.sampler.samples_of(step - phase.from_step);
}

bool SamplePlan::ends_epochs(int64_t num_steps, int64_t every) const {
  if (every <= 0 || num_steps <= 0) return false;
  const int64_t epoch = epoch_of(num_steps - 1);
  return epoch_of(num_steps) != epoch && (epoch + 1) % every == 0;
}

std::vector<int64_t> SamplePlan::phase_starts() const {
  std::vector<int64_t> starts;
  for (const Phase& phase : phases_) starts.push_back(phase.from_step);
  return starts;
}

}  // namespace pear::forecast
