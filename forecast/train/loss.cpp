#include "forecast/train/loss.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "base/array.h"
#include "base/error.h"

namespace pear::forecast {
namespace {

/// Open ports of Pangu-Weather, by variable.
const std::map<std::string, double> kPanguWeights{{"z", 3.00},   {"q", 0.60},   {"t", 1.50},
                                                  {"u", 0.77},   {"v", 0.54},   {"msl", 1.50},
                                                  {"u10", 0.77}, {"v10", 0.66}, {"t2m", 3.00}};
constexpr double kLevelTolerance = 1e-6;  // hPa

double weight_of(const LossConfig& config, const std::string& variable, const std::string& channel) {
  if (const auto it = config.weights.find(channel); it != config.weights.end()) return it->second;
  if (const auto it = config.weights.find(variable); it != config.weights.end()) return it->second;
  if (config.preset != "pangu") return 1.0;
  const auto it = kPanguWeights.find(variable);
  return it == kPanguWeights.end() ? 1.0 : it->second;
}

[[noreturn]] void throw_unknown(const std::string& key, const std::string& name, const std::string& known) {
  throw ConfigError("UnknownLossWeight", "train.loss",
                    {.what = "train.loss." + key + " names " + name, .expected = "one of " + known, .found = name});
}

void check_names(const LossConfig& config, const StateLayout& layout, const std::vector<std::string>& channels) {
  std::set<std::string> known(channels.begin(), channels.end());
  known.insert(layout.upper.begin(), layout.upper.end());
  for (const auto& [name, weight] : config.weights)
    if (!known.contains(name)) throw_unknown("weights", name, fmt::format("{}", fmt::join(known, ", ")));
}

std::optional<double> number_of(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// Factor of each level of the layout.
std::vector<double> level_factors(const LossConfig& config, const std::vector<double>& levels) {
  const double mean = std::accumulate(levels.begin(), levels.end(), 0.0) / static_cast<double>(levels.size());
  std::vector<double> factors;
  for (double p : levels) factors.push_back(config.level_weights == "pressure" ? p / mean : 1.0);
  for (const auto& [name, weight] : config.weights_by_level) {
    const auto level = number_of(name);
    const auto it = std::find_if(levels.begin(), levels.end(),
                                 [&](double p) { return level && std::abs(p - *level) < kLevelTolerance; });
    if (it == levels.end()) throw_unknown("weights_by_level", name, fmt::format("{} hPa", fmt::join(levels, ", ")));
    factors[static_cast<size_t>(it - levels.begin())] = weight;
  }
  return factors;
}

/// Areas over their mean; undefined where they are equal.
torch::Tensor area_factors(const sphere::Grid& grid) {
  if (grid.is_healpix()) return {};
  const auto areas = torch::tensor(grid.areas_sr(), torch::kFloat64);
  return (areas / areas.mean()).to(torch::kFloat32);
}

}  // namespace

Loss::Loss(const LossConfig& config, const StateLayout& layout, const torch::Device& device)
    : config_(config), layout_(layout) {
  const auto channels = layout.channel_names();
  check_names(config, layout, channels);
  const auto levels = level_factors(config, layout.levels_hpa);
  std::vector<double> weights;
  for (size_t i = 0; i < channels.size(); ++i) {
    const int64_t u = static_cast<int64_t>(i) - layout.num_surface();
    const auto num_levels = std::max<int64_t>(layout.num_levels(), 1);
    const auto& variable = u < 0 ? layout.surface[i] : layout.upper[static_cast<size_t>(u / num_levels)];
    const double by_level = u < 0 ? 1.0 : levels[static_cast<size_t>(u % num_levels)];
    weights.push_back(weight_of(config, variable, channels[i]) * by_level);
  }
  const auto all = torch::tensor(weights, torch::kFloat64).to(device);
  surface_weights_ = all.narrow(0, 0, layout.num_surface());
  upper_weights_ = all.narrow(0, layout.num_surface(), layout.num_upper() * layout.num_levels());
  if (!config.area_weights) return;
  cell_weights_ = area_factors(layout.grid);
  if (cell_weights_.defined()) cell_weights_ = cell_weights_.to(device);
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
  if (cell_weights_.defined()) penalty = penalty * cell_weights_;
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
