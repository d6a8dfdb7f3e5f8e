// The model that a configuration names: persistence, climatology, or trained weights.
#pragma once

#include <torch/types.h>

#include <memory>
#include <string>

#include "forecast/config/run_config.h"
#include "forecast/model/forecast_model.h"
#include "io/store.h"

namespace pear::forecast {

struct NamedModel {
  std::unique_ptr<ForecastModel> model;
  std::string id;      ///< identity for the definition of results: checksum of the weights, or fingerprint of the store
  std::string source;  ///< checkpoint folder, file of weights, or "baseline"
};

/// Plan: nothing is computed or written; a climatology that does not exist yet is stood in for.
enum class ModelUse { Run, Plan };

/// A trained model is `forecast.checkpoint`, else the run's own checkpoint, else `model.weights` with the statistics of
/// the store.
///
/// Errors:  those of resolve_checkpoint and model_from_weights; ConfigError `MissingKey` (a baseline without
/// data.store, a climatology without
///          data.train).
NamedModel make_forecast_model(const RunConfig& config, const std::shared_ptr<const io::Store>& store,
                               const torch::Device& device, ModelUse use = ModelUse::Run);

}  // namespace pear::forecast
