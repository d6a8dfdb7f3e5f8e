#include "forecast/train/loss.h"

#include <algorithm>
#include <set>

#include "base/array.h"
#include "base/error.h"

namespace pear::forecast {
namespace {

double weight_of(const LossConfig& config, const std::string& variable, const std::string& channel) {
  if (const auto it = config.weights.find(channel); it != config.weights.end()) return it->second;
  if (const auto it = config.weights.find(variable); it != config.weights.end()) return it->second;
  return 1.0;
}

void check_names(const LossConfig& config, const StateLayout& layout, const std::vector<std::string>& channels) {
  std::set<std::string> known(channels.begin(), channels.end());
  known.insert(layout.upper.begin(), layout.upper.end());
  for (const auto& [name, weight] : config.weights) {
    if (known.contains(name)) continue;
    std::string list;
    for (const auto& k : known) list += (list.empty() ? "" : ", ") + k;
    throw ConfigError("UnknownLossWeight", "train.loss",
                      {.what = "train.loss.weights names " + name, .expected = "one of " + list, .found = name});
  }
}

}  // namespace

Loss::Loss(const LossConfig& config, const StateLayout& layout, const torch::Device& device)
    : config_(config), layout_(layout) {
  const auto channels = layout.channel_names();
  check_names(config, layout, channels);
  std::vector<double> weights;
  for (size_t i = 0; i < channels.size(); ++i) {
    const int64_t u = static_cast<int64_t>(i) - layout.num_surface();
    const auto& variable =
        u < 0 ? layout.surface[i] : layout.upper[static_cast<size_t>(u / std::max<int64_t>(layout.num_levels(), 1))];
    weights.push_back(weight_of(config, variable, channels[i]));
  }
  const auto all = torch::tensor(weights, torch::kFloat64).to(device);
  surface_weights_ = all.narrow(0, 0, layout.num_surface());
  upper_weights_ = all.narrow(0, layout.num_surface(), layout.num_upper() * layout.num_levels());
}

torch::Tensor Loss::channel_error(const torch::Tensor& prediction, const torch::Tensor& target) const {
  if (prediction.sizes() != target.sizes())
    throw ShapeError("SizeMismatch", "train.loss",
                     {.what = "prediction and target",
                      .expected = shape_string(target.sizes()),
                      .found = shape_string(prediction.sizes())});
  const auto error = prediction.to(torch::kFloat32) - target;
  torch::Tensor penalty;
  if (config_.kind == "l1") {
    penalty = error.abs();
  } else if (config_.kind == "l2") {
    penalty = error.square();
  } else {
    const double delta = config_.huber_delta;
    const auto size = error.abs();
    penalty = torch::where(size <= delta, 0.5 * error.square(), delta * (size - 0.5 * delta));
  }
  return penalty.mean(std::vector<int64_t>{0, penalty.dim() - 1}, /*keepdim=*/false, torch::kFloat64).flatten();
}

Loss::Value Loss::operator()(const State& prediction, const State& target) const {
  Value value;
  std::vector<torch::Tensor> errors;
  const auto add = [&](const torch::Tensor& error, const torch::Tensor& weights, double factor) {
    const auto term = (error * weights).mean() * factor;
    value.total = value.total.defined() ? value.total + term : term;
    errors.push_back(error.detach());
  };
  if (layout_.num_surface() > 0)
    add(channel_error(prediction.surface, target.surface), surface_weights_, config_.surface_weight);
  if (layout_.num_upper() > 0) add(channel_error(prediction.upper, target.upper), upper_weights_, 1.0);
  value.per_channel = torch::cat(errors);
  return value;
}

}  // namespace pear::forecast
