// Validation on the selection period: loss, RMSE per channel, persistence beside it.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "forecast/model/learned_model.h"
#include "forecast/train/data_axis.h"
#include "forecast/train/dataset.h"
#include "forecast/train/loss.h"

namespace pear::forecast {

/// RMSE in physical units: area-weighted over cells, mean over pairs, root last; by channel in layout order.
struct ValidationResult {
  double loss = 0;
  std::vector<double> rmse, persistence_rmse;

  /// `loss` or `rmse_<channel>`. Errors: ConfigError `UnknownMetric` naming the known ones.
  double metric(const std::string& name, const std::vector<std::string>& channels) const;
  /// {val_loss, rmse_<channel>, persistence_<channel>, ...}
  nlohmann::json row(const std::vector<std::string>& channels) const;
};

struct ValidationTask {
  LearnedModel& model;
  const Normaliser& normaliser;
  const Loss& loss;
  const Dataset& dataset;
  torch::Device device;
  std::function<void()> on_progress;  ///< called after every pair, if set
};

/// Evaluates one training step of lead time on every pair; no gradients, network in evaluation mode meanwhile.
/// The ranks of `axis` share the pairs; all get the result, with the bits of one process.
/// Errors:  DataError `NonFinite` naming the pair if the prediction is not finite.
ValidationResult validate(const ValidationTask& task, DataAxis& axis);

}  // namespace pear::forecast
