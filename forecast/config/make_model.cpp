#include "forecast/config/make_model.h"

#include <fmt/format.h>

#include <stdexcept>

#include "base/config/writer.h"
#include "base/error.h"
#include "base/files.h"
#include "forecast/config/climatology_request.h"
#include "forecast/dynamics/dycore_model.h"
#include "forecast/model/baselines.h"
#include "forecast/train/checkpoint.h"
#include "forecast/train/dataset.h"
#include "forecast/train/trained_model.h"

namespace pear::forecast {
namespace fs = std::filesystem;
namespace {

WeightsKind weights_kind(const std::string& name) {
  return name == "raw" ? WeightsKind::Raw : name == "ema" ? WeightsKind::Ema : WeightsKind::Auto;
}

/// Name, layout and step of a model that is not needed yet.
class PlannedModel : public ForecastModel {
 public:
  PlannedModel(std::string name, StateLayout layout, Duration step)
      : name_(std::move(name)), layout_(std::move(layout)), step_(step) {}
  std::string name() const override { return name_; }
  const StateLayout& layout() const override { return layout_; }
  Duration step_length() const override { return step_; }
  State step(const State&, Time) override { throw std::logic_error("a planned model makes no steps"); }

 private:
  std::string name_;
  StateLayout layout_;
  Duration step_;
};

NamedModel baseline(const RunConfig& config, const std::shared_ptr<const io::Store>& store, ModelUse use) {
  require_keys("model.name=" + config.model.name, {{"data.store", store != nullptr}});
  const StateLayout layout = layout_from_store(config.data, *store);
  const Duration step = config.data.lead_or_every();
  if (config.model.name == "persistence")
    return {std::make_unique<PersistenceModel>(layout, step), "persistence " + store->fingerprint(), "baseline"};
  const ClimatologyRequest request = climatology_request(config, store);
  require_keys("model.name=climatology",
               {{"data.train", !request.default_period.empty() || !request.config.period.empty()}});
  const auto id_of = [](const nlohmann::json& definition) { return "climatology " + sha256_hex(definition.dump()); };
  if (use == ModelUse::Plan) {
    const fs::path file = request.config.file.str();
    const bool is_there = !file.empty() && fs::exists(file);
    const auto definition = is_there ? obtain_climatology(request)->definition() : plan_climatology(request).definition;
    return {std::make_unique<PlannedModel>("climatology", layout, step), id_of(definition), "baseline"};
  }
  auto climatology = obtain_climatology(request);
  const std::string id = id_of(climatology->definition());
  return {std::make_unique<ClimatologyModel>(layout, step, std::move(climatology)), id, "baseline"};
}

/// True if nothing was trained in this run and no other run is named: then `model.weights` is the model.
bool takes_weights(const RunConfig& config) {
  return !config.model.weights.empty() && config.forecast.checkpoint.empty() &&
         list_checkpoints(fs::path(config.run.folder()) / "checkpoints").empty();
}

NamedModel from_weights(const RunConfig& config, const std::shared_ptr<const io::Store>& store,
                        const torch::Device& device) {
  require_keys("model.weights=" + config.model.weights.str(), {{"data.store", store != nullptr}});
  auto model = model_from_weights(config.model, config.data, *store, device);
  const std::string normaliser = model->normaliser().to_json().dump();
  ModelConfig shape = config.model;
  shape.weights = {};  // its content counts, not its place
  const std::string id = fmt::format("{} {} {}", sha256_file(config.model.weights.str()),
                                     sha256_hex(to_json_value(shape).dump()), sha256_hex(normaliser));
  return {std::move(model), id, config.model.weights.str()};
}

NamedModel dynamical_core(const RunConfig& config, const std::shared_ptr<const io::Store>& store) {
  require_keys("model.name=dycore", {{"data.store", store != nullptr}});
  auto model = std::make_unique<DycoreModel>(config.dycore, layout_from_store(config.data, *store),
                                             config.data.lead_or_every());
  const std::string id = "dycore " + sha256_hex(model->definition().dump());
  return {std::move(model), id, "dynamical core " + config.dycore.truncation};
}

}  // namespace

NamedModel make_forecast_model(const RunConfig& config, const std::shared_ptr<const io::Store>& store,
                               const torch::Device& device, ModelUse use) {
  if (config.model.name == "dycore") return dynamical_core(config, store);
  if (config.model.name == "persistence" || config.model.name == "climatology") return baseline(config, store, use);
  if (takes_weights(config)) return from_weights(config, store, device);
  const fs::path named = config.forecast.checkpoint.empty() ? config.run.folder() : config.forecast.checkpoint.str();
  const fs::path folder = resolve_checkpoint(named);
  auto model = load_trained_model(folder, device, weights_kind(config.forecast.weights));
  if (store) check_store_fits(model->layout(), *store, folder.string(), config.data.store.str());
  return {std::move(model), sha256_file(folder / "MANIFEST.json") + " " + config.forecast.weights, folder.string()};
}

}  // namespace pear::forecast
