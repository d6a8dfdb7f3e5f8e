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

ValidationResult validate(const ValidationTask& task, DataAxis& axis) {
  torch::NoGradGuard no_grad;
  const auto& [model, normaliser, loss, dataset, device, on_progress] = task;
  const auto& layout = model.layout();
  const DomainPart domain = axis.domain();
  const int64_t cells = layout.grid.num_cells(), parts = domain.num_parts;
  auto areas = torch::tensor(layout.grid.areas_sr(), torch::kFloat64).to(device);
  areas = (areas / areas.sum()).narrow(0, domain.first_of(cells), domain.count_of(cells));
  const int64_t num_channels = layout.num_channels();
  // One row per pair and part, so that the sums below run in their order whoever evaluated them.
  auto rows = torch::zeros({dataset.size() * parts, 1 + 2 * num_channels}, torch::kFloat64);
  model.network().eval();
  for (int64_t i = axis.data_rank(); i < dataset.size(); i += axis.data_size()) {
    const Batch batch = dataset.load(std::array{i});
    const State input = batch.input.to(device), target = batch.target.to(device);
    const State prediction = model.predict_normalised(normaliser.normalise(input));
    const auto row = rows[i * parts + domain.part];
    row[0] = loss(prediction, normaliser.normalise(target)).total.item<double>() / static_cast<double>(parts);
    row.narrow(0, 1, num_channels).copy_(mean_square(normaliser.denormalise(prediction), target, areas));
    row.narrow(0, 1 + num_channels, num_channels).copy_(mean_square(input, target, areas));
    if (on_progress) on_progress();
  }
  model.network().train();
  axis.complete_rows(rows);
  auto sum = torch::zeros({1 + 2 * num_channels}, torch::kFloat64);
  for (int64_t i = 0; i < dataset.size(); ++i) {
    for (int64_t p = 0; p < parts; ++p) sum += rows[i * parts + p];
    if (!std::isfinite(sum[0].item<double>()))
      throw DataError("NonFinite", "train.validation",
                      {.what = "prediction from " + format_time(dataset.list().pairs[static_cast<size_t>(i)].input) +
                               " is not finite",
                       .hint = "lower train.lr or set train.clip.norm"});
  }
  const double n = static_cast<double>(dataset.size());
  return {.loss = sum[0].item<double>() / n,
          .rmse = root(sum.narrow(0, 1, num_channels) / n),
          .persistence_rmse = root(sum.narrow(0, 1 + num_channels, num_channels) / n)};
}

}  // namespace pear::forecast
