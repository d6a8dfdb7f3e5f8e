#include "forecast/config/make_model.h"

#include <stdexcept>

#include "base/error.h"
#include "base/files.h"
#include "forecast/config/climatology_request.h"
#include "forecast/model/baselines.h"
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

}  // namespace

NamedModel make_forecast_model(const RunConfig& config, const std::shared_ptr<const io::Store>& store,
                               const torch::Device& device, ModelUse use) {
  if (config.model.name == "persistence" || config.model.name == "climatology") return baseline(config, store, use);
  const fs::path named = config.forecast.checkpoint.empty() ? config.run.folder() : config.forecast.checkpoint.str();
  const fs::path folder = resolve_checkpoint(named);
  auto model = load_trained_model(folder, device, weights_kind(config.forecast.weights));
  if (store) check_store_fits(model->layout(), *store, folder.string(), config.data.store.str());
  return {std::move(model), sha256_file(folder / "MANIFEST.json") + " " + config.forecast.weights, folder.string()};
}

}  // namespace pear::forecast
