#include "forecast/train/validation.h"

#include <array>
#include <cmath>

#include "base/error.h"

namespace pear::forecast {
namespace {

/// Area-weighted mean square of a - b over cells: float64 [channels] on the CPU.
torch::Tensor mean_square(const State& a, const State& b, const torch::Tensor& weights) {
  const auto error = (a.channels() - b.channels()).to(torch::kFloat64);
  return (error.square() * weights).sum(std::vector<int64_t>{0, 2}).cpu();
}

std::vector<double> root(const torch::Tensor& mean) {
  const auto r = mean.sqrt();
  return {r.data_ptr<double>(), r.data_ptr<double>() + r.numel()};
}

}  // namespace

double ValidationResult::metric(const std::string& name, const std::vector<std::string>& channels) const {
  if (name == "loss") return loss;
  std::string known = "loss";
  for (size_t i = 0; i < channels.size(); ++i) {
    if (name == "rmse_" + channels[i]) return rmse[i];
    known += ", rmse_" + channels[i];
  }
  throw ConfigError("UnknownMetric", "train.validation",
                    {.what = "train.best_metric", .expected = "one of " + known, .found = name});
}

nlohmann::json ValidationResult::row(const std::vector<std::string>& channels) const {
  nlohmann::json row{{"val_loss", loss}};
  for (size_t i = 0; i < channels.size(); ++i) {
    row["rmse_" + channels[i]] = rmse[i];
    row["persistence_" + channels[i]] = persistence_rmse[i];
  }
  return row;
}

ValidationResult validate(LearnedModel& model, const Normaliser& normaliser, const Loss& loss, const Dataset& dataset,
                          const torch::Device& device) {
  torch::NoGradGuard no_grad;
  const auto& layout = model.layout();
  auto areas = torch::tensor(layout.grid.areas_sr(), torch::kFloat64).to(device);
  areas /= areas.sum();
  auto error = torch::zeros({layout.num_channels()}, torch::kFloat64), persistence = torch::zeros_like(error);
  double total_loss = 0;
  model.network().eval();
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const Batch batch = dataset.load(std::array{i});
    const State input = batch.input.to(device), target = batch.target.to(device);
    const State prediction = model.predict_normalised(normaliser.normalise(input));
    total_loss += loss(prediction, normaliser.normalise(target)).total.item<double>();
    error += mean_square(normaliser.denormalise(prediction), target, areas);
    persistence += mean_square(input, target, areas);
    if (!std::isfinite(total_loss)) {
      model.network().train();
      throw DataError("NonFinite", "train.validation",
                      {.what = "prediction from " + format_time(batch.pairs[0].input) + " is not finite",
                       .hint = "lower train.lr or set train.clip.norm"});
    }
  }
  model.network().train();
  const double n = static_cast<double>(dataset.size());
  return {.loss = total_loss / n, .rmse = root(error / n), .persistence_rmse = root(persistence / n)};
}

}  // namespace pear::forecast
