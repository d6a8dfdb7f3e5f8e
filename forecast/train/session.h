// One training run in memory: model, flat parameters, optimiser, average, progress; and how it begins.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "forecast/model/learned_model.h"
#include "forecast/train/checkpoint.h"
#include "forecast/train/data_axis.h"
#include "forecast/train/ema.h"
#include "forecast/train/flat_parameters.h"
#include "forecast/train/optimizer.h"
#include "forecast/train/run_state.h"
#include "forecast/train/trainer.h"

namespace pear::forecast {

/// Built by `make_session`, advanced by the trainer, saved by session_state.h.
struct Session {
  TrainRequest request;
  std::shared_ptr<const io::Store> store;
  StateLayout layout;  ///< of whole states
  DomainPart domain;   ///< what the network and the samples of this process hold of them
  std::optional<Normaliser> normaliser;
  std::shared_ptr<LearnedModel> model;
  std::optional<FlatParameters> parameters;
  std::optional<Optimizer> optimizer;
  std::optional<Ema> ema;
  RunProgress progress;
  nlohmann::json parent;  ///< where weights came from; null for a fresh run
  /// Checkpoint whose moments and average `restore_state` has still to read; the rest is here.
  std::optional<std::filesystem::path> state_folder;

  std::filesystem::path checkpoint_dir() const { return request.run_dir / "checkpoints"; }
  bool learns_tendency() const;
};

/// Opens the store, builds the network from (config, seed) and applies the start mode. Only rank 0 of `axis` removes
/// what an earlier run left. Errors:  as `train`.
Session make_session(const TrainRequest& request, DataAxis& axis);
/// The same in one process.
Session make_session(const TrainRequest& request);

/// Copies tensors by name into a flat buffer.
/// Errors:  DataError `WeightMismatch` listing missing, unexpected and reshaped names.
void load_flat(const FlatParameters& parameters, const torch::Tensor& buffer, const TensorMap& tensors,
               const std::string& prefix, const std::string& what);

}  // namespace pear::forecast
