// From a checkpoint back to a model: everything a forecast needs lies in the checkpoint folder.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <memory>
#include <string>

#include "forecast/model/learned_model.h"
#include "forecast/train/data_config.h"
#include "io/store.h"

namespace pear::forecast {

/// Which weights of a checkpoint are taken. Auto: averaged ones if the checkpoint has them, else raw ones.
enum class WeightsKind { Auto, Raw, Ema };

/// Resolves what a user may name: a run folder (its best checkpoint, else the last one), its `checkpoints/` folder,
/// a pointer file (`last.json`, `best.json`) or one checkpoint folder. The result has a valid manifest.
/// Errors:  DataError `FileNotFound`, `BadCheckpoint` (no valid manifest, wrong size or checksum).
std::filesystem::path resolve_checkpoint(const std::filesystem::path& path);

/// Network, layout (variables by name, levels, grid), normalisation and step length as they were trained.
/// Errors:  as resolve_checkpoint; DataError `NoEmaWeights` if Ema is asked for and absent.
std::unique_ptr<LearnedModel> load_trained_model(const std::filesystem::path& path,
                                                 const torch::Device& device = torch::kCPU,
                                                 WeightsKind weights = WeightsKind::Auto);

/// Statistics of the store for a model, as `data.normalisation` and `model.output` ask for them.
/// Errors:  as Normaliser::from_store.
Normaliser normaliser_of(const ModelConfig& model, const DataConfig& data, const io::Store& store,
                         const StateLayout& layout);

/// Puts `model.weights` (our or the published tensor names) into a network; nothing if the key is empty.
/// Errors:  DataError `WeightMismatch`, and those of io::read_safetensors.
void load_initial_weights(Network& network, const ModelConfig& model);

/// A model from `model.weights` alone: sizes from `model`, variables from `data`, normalisation from the store.
/// Errors:  as layout_from_store, make_network, normaliser_of, load_initial_weights.
std::unique_ptr<LearnedModel> model_from_weights(const ModelConfig& model, const DataConfig& data,
                                                 const io::Store& store, const torch::Device& device = torch::kCPU);

/// Checks that a store can feed the model: same grid, every variable and level present.
/// Errors:  DataError `GridMismatch` naming both grids, `MissingVariable`, `MissingLevel`.
void check_store_fits(const StateLayout& model_layout, const io::Store& store, const std::string& checkpoint_name,
                      const std::string& store_name);

}  // namespace pear::forecast
