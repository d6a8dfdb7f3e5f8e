#include "forecast/model/learned_model.h"

#include <c10/core/InferenceMode.h>

namespace pear::forecast {

LearnedModel::LearnedModel(std::shared_ptr<Network> network, Normaliser normaliser, ModelConfig config, Duration step,
                           std::string name)
    : network_(std::move(network)),
      normaliser_(std::move(normaliser)),
      config_(std::move(config)),
      step_(step),
      name_(std::move(name)) {}

State LearnedModel::predict_normalised(const State& x) const {
  const State y = network_->forward(x);
  if (config_.output != "tendency") return y;
  const State change = normaliser_.scale_tendency(y);
  return {change.surface.defined() ? x.surface + change.surface : change.surface,
          change.upper.defined() ? x.upper + change.upper : change.upper};
}

State LearnedModel::step(const State& state, Time) {
  const torch::NoGradGuard no_grad;
  return normaliser_.denormalise(predict_normalised(normaliser_.normalise(state)));
}

}  // namespace pear::forecast
