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
  std::string source;  ///< checkpoint folder, or "baseline"
};

/// Plan: nothing is computed or written; a climatology that does not exist yet is stood in for.
enum class ModelUse { Run, Plan };

/// Errors:  those of resolve_checkpoint; ConfigError `MissingKey` (a baseline without data.store, a climatology without
///          data.train).
NamedModel make_forecast_model(const RunConfig& config, const std::shared_ptr<const io::Store>& store,
                               const torch::Device& device, ModelUse use = ModelUse::Run);

}  // namespace pear::forecast
