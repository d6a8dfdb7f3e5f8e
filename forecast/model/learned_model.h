// A network with its normalisation and step length: a ForecastModel.
#pragma once

#include <memory>
#include <string>

#include "forecast/model/forecast_model.h"
#include "forecast/model/model_config.h"
#include "forecast/model/network.h"
#include "forecast/state/normaliser.h"

namespace pear::forecast {

class LearnedModel : public ForecastModel {
 public:
  LearnedModel(std::shared_ptr<Network> network, Normaliser normaliser, ModelConfig config, Duration step,
               std::string name);

  std::string name() const override { return name_; }
  const StateLayout& layout() const override { return network_->layout(); }
  Duration step_length() const override { return step_; }
  State step(const State& state, Time valid_time) override;

  /// Normalised state -> normalised state one step later, with gradients.
  State predict_normalised(const State& normalised) const;

  Network& network() { return *network_; }
  const std::shared_ptr<Network>& network_ptr() const { return network_; }
  const Normaliser& normaliser() const { return normaliser_; }
  const ModelConfig& config() const { return config_; }

 private:
  std::shared_ptr<Network> network_;
  Normaliser normaliser_;
  ModelConfig config_;
  Duration step_;
  std::string name_;
};

}  // namespace pear::forecast
