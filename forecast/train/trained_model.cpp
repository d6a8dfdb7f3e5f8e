#include "forecast/train/trained_model.h"

#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/log.h"
#include "forecast/model/published_names.h"
#include "forecast/train/checkpoint.h"
#include "forecast/train/dataset.h"
#include "forecast/train/flat_parameters.h"
#include "forecast/train/run_state.h"
#include "forecast/train/session.h"
#include "io/safetensors.h"

namespace pear::forecast {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void throw_not_found(const fs::path& path) {
  throw DataError("FileNotFound", "train.checkpoint",
                  {.what = "checkpoint " + path.string(),
                   .expected = "a run folder, its checkpoints folder, last.json, best.json or one step_ folder",
                   .found = fs::exists(path) ? "none of these" : "nothing there",
                   .hint = "train first, or set forecast.checkpoint or model.weights"});
}

fs::path follow_pointer(const fs::path& pointer) {
  const auto json = parse_json(read_text(pointer));
  if (!json.is_object() || !json.contains("checkpoint") || !json["checkpoint"].is_string())
    throw DataError("BadCheckpoint", "train.checkpoint", {.what = "pointer " + pointer.string() + " is damaged"});
  return pointer.parent_path() / json.at("checkpoint").get<std::string>();
}

/// Best valid checkpoint of a `checkpoints` folder, else the newest valid one.
fs::path choose(const fs::path& directory) {
  if (fs::exists(directory / "best.json")) {
    const auto best = follow_pointer(directory / "best.json");
    if (!checkpoint_problem(best)) return best;
  }
  if (const auto newest = newest_valid_checkpoint(directory)) return *newest;
  throw_not_found(directory);
}

}  // namespace

fs::path resolve_checkpoint(const fs::path& path) {
  fs::path folder;
  if (fs::is_regular_file(path) && path.extension() == ".json") {
    folder = follow_pointer(path);
  } else if (fs::is_directory(path / "checkpoints")) {
    return choose(path / "checkpoints");
  } else if (fs::is_directory(path) && !list_checkpoints(path).empty()) {
    return choose(path);
  } else if (fs::exists(path / "model.safetensors") || fs::exists(path / "state.json")) {
    folder = path;
  } else {
    throw_not_found(path);
  }
  if (const auto problem = checkpoint_problem(folder))
    throw DataError("BadCheckpoint", "train.checkpoint",
                    {.what = "checkpoint " + folder.string(), .expected = "a complete folder", .found = *problem});
  return folder;
}

std::unique_ptr<LearnedModel> load_trained_model(const fs::path& path, const torch::Device& device,
                                                 WeightsKind weights) {
  const fs::path folder = resolve_checkpoint(path);
  auto content = read_checkpoint(folder, /*with_optimizer=*/false);
  if (weights == WeightsKind::Ema && content.ema.empty())
    throw DataError("NoEmaWeights", "train.checkpoint",
                    {.what = folder.string() + " holds no averaged weights", .hint = "set forecast.weights: raw"});
  const bool use_ema = weights != WeightsKind::Raw && !content.ema.empty();
  return reading_state(folder, [&] {
    const auto layout = layout_from_json(content.state.at("layout"));
    const auto config = model_config_from_json(content.state.at("model"));
    auto network = make_network(config, layout);
    {
      const FlatParameters parameters(*network);
      load_flat(parameters, parameters.values(), use_ema ? content.ema : content.model, "", "weights");
    }
    for (auto& parameter : network->parameters()) parameter.mutable_grad().reset();
    network->to(device);
    network->eval();
    return std::make_unique<LearnedModel>(std::move(network),
                                          Normaliser::from_json(content.state.at("normaliser"), layout), config,
                                          Duration{content.state.at("step_seconds").get<int64_t>()}, config.name);
  });
}

Normaliser normaliser_of(const ModelConfig& model, const DataConfig& data, const io::Store& store,
                         const StateLayout& layout) {
  if (data.normalisation == "none") return Normaliser::identity(layout);
  const auto lag = model.output == "tendency" ? std::optional(data.lead_or_every()) : std::nullopt;
  return Normaliser::from_store(store, layout, lag);
}

void load_initial_weights(Network& network, const ModelConfig& model) {
  if (model.weights.empty()) return;
  const auto tensors = io::read_safetensors(model.weights.str()).tensors;
  import_weights(network, tensors, model.weights.str());
  log_info("weights of {}: {} tensors, {} names", model.weights.str(), tensors.size(),
           has_published_names(tensors) ? "published" : "our");
}

std::unique_ptr<LearnedModel> model_from_weights(const ModelConfig& model, const DataConfig& data,
                                                 const io::Store& store, const torch::Device& device) {
  const StateLayout layout = layout_from_store(data, store);
  auto network = make_network(model, layout);
  load_initial_weights(*network, model);
  network->to(device);
  network->eval();
  return std::make_unique<LearnedModel>(std::move(network), normaliser_of(model, data, store, layout), model,
                                        data.lead_or_every(), model.name);
}

void check_store_fits(const StateLayout& model_layout, const io::Store& store, const std::string& checkpoint_name,
                      const std::string& store_name) {
  if (model_layout.grid != store.layout().grid)
    throw DataError("GridMismatch", "train.checkpoint",
                    {.what = "checkpoint " + checkpoint_name + " and store " + store_name,
                     .expected = "grid " + model_layout.grid.spec(),
                     .found = "grid " + store.layout().grid.spec(),
                     .hint = "ingest the store with grid: " + model_layout.grid.spec()});
  DataConfig wanted;
  wanted.variables = model_layout.surface;
  wanted.variables.insert(wanted.variables.end(), model_layout.upper.begin(), model_layout.upper.end());
  wanted.levels_hpa = model_layout.levels_hpa;
  layout_from_store(wanted, store);
}

}  // namespace pear::forecast
