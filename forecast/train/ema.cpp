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
  average_.lerp_(parameters.values(), 1.0 - decay_at(config_, num_updates));
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
