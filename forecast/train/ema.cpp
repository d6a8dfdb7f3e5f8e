#include "forecast/train/ema.h"

#include <algorithm>

namespace pear::forecast {

Ema::Ema(const EmaConfig& config, const FlatParameters& parameters)
    : config_(config), average_(parameters.values().clone()) {}

double Ema::decay_at(const EmaConfig& config, int64_t num_updates) {
  if (!config.warmup) return config.decay;
  const double t = static_cast<double>(num_updates);
  return std::min(config.decay, (1.0 + t) / (10.0 + t));
}

void Ema::update(const FlatParameters& parameters, int64_t num_updates) {
  torch::NoGradGuard no_grad;
  const double weight = 1.0 - decay_at(config_, num_updates);
  if (shards_.empty()) average_.lerp_(parameters.values(), weight);
  int64_t offset = 0;
  for (const auto& [first, length] : shards_) {
    average_.narrow(0, offset, length).lerp_(parameters.values().narrow(0, first, length), weight);
    offset += length;
  }
}

void Ema::keep_only(const std::vector<FlatRange>& shards) {
  shards_ = shards;
  average_ = joined(average_, shards);
}

ScopedWeights::ScopedWeights(const FlatParameters& parameters, const torch::Tensor& values)
    : target_(parameters.values()), saved_(target_.clone()) {
  torch::NoGradGuard no_grad;
  target_.copy_(values);
}

ScopedWeights::~ScopedWeights() {
  torch::NoGradGuard no_grad;
  target_.copy_(saved_);
}

}  // namespace pear::forecast
