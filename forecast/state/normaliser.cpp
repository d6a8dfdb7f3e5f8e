#include "forecast/state/normaliser.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr const char* kWhere = "forecast.normaliser";

size_t level_index(const io::StoreVariable& variable, double level) {
  const auto it = std::find(variable.levels_hpa.begin(), variable.levels_hpa.end(), level);
  if (it == variable.levels_hpa.end())
    throw DataError("MissingLevel", kWhere,
                    {.what = "variable " + variable.name,
                     .expected = fmt::format("level {} hPa", level),
                     .found = fmt::format("levels {}", fmt::join(variable.levels_hpa, ", "))});
  return static_cast<size_t>(it - variable.levels_hpa.begin());
}

/// (variable, level) of the store for every channel of the layout.
std::vector<std::pair<size_t, size_t>> store_channels(const io::Store& store, const StateLayout& layout) {
  std::vector<std::pair<size_t, size_t>> channels;
  for (const auto& name : layout.surface) channels.emplace_back(store.variable_index(name), 0);
  for (const auto& name : layout.upper) {
    const size_t variable = store.variable_index(name);
    for (double level : layout.levels_hpa)
      channels.emplace_back(variable, level_index(store.layout().variables[variable], level));
  }
  return channels;
}

/// Member `key` of stored statistics.
template <class T>
std::vector<T> stored_list(const nlohmann::json& json, const char* key, const char* expected) {
  const auto bad = [&](const std::string& found) {
    return DataError("BadStatistics", kWhere,
                     {.what = fmt::format("member {} of the stored statistics", key),
                      .expected = expected,
                      .found = found,
                      .hint = "the checkpoint is damaged or of another version"});
  };
  if (!json.is_object()) throw bad(fmt::format("statistics that are no object but {}", json.type_name()));
  const auto it = json.find(key);
  if (it == json.end()) throw bad("nothing");
  if (!it->is_array()) throw bad(it->type_name());
  for (const auto& element : *it)
    if (std::is_arithmetic_v<T> ? !element.is_number() : !element.is_string())
      throw bad(fmt::format("an array with {} in it", element.type_name()));
  return it->template get<std::vector<T>>();
}

torch::Tensor apply(const torch::Tensor& x, const torch::Tensor& scale, const torch::Tensor& offset) {
  const auto like = x.options();
  return at::addcmul(offset.to(like), x, scale.to(like));
}

}  // namespace

Normaliser::Affine Normaliser::affine(const std::vector<double>& values) const {
  const auto all = torch::tensor(values, torch::kFloat64).view({1, -1, 1});
  const State parts = State::from_channels(all, layout_);
  return {parts.surface, parts.upper};
}

Normaliser::Normaliser(StateLayout layout, Statistics statistics)
    : layout_(std::move(layout)), statistics_(std::move(statistics)) {
  const auto names = layout_.channel_names();
  const auto check = [&](const std::vector<double>& values, const char* what, bool positive) {
    if (values.size() != names.size())
      throw ShapeError("SizeMismatch", kWhere,
                       {.what = what,
                        .expected = fmt::format("{} channels", names.size()),
                        .found = fmt::format("{}", values.size())});
    for (size_t c = 0; c < values.size(); ++c)
      if (!std::isfinite(values[c]) || (positive && values[c] <= 0))
        throw DataError("BadStatistics", kWhere,
                        {.what = fmt::format("{} of {}", what, names[c]),
                         .expected = positive ? "a positive number" : "a number",
                         .found = fmt::format("{}", values[c]),
                         .hint = "a constant or empty variable cannot be learned; leave it out of data.variables"});
  };
  check(statistics_.mean, "mean", false);
  check(statistics_.stddev, "standard deviation", true);
  mean_ = affine(statistics_.mean);
  stddev_ = affine(statistics_.stddev);
  std::vector<double> ratio(names.size(), 1.0);
  if (!statistics_.tendency_stddev.empty()) {
    check(statistics_.tendency_stddev, "standard deviation of the tendency", true);
    for (size_t c = 0; c < ratio.size(); ++c) ratio[c] = statistics_.tendency_stddev[c] / statistics_.stddev[c];
  }
  tendency_ratio_ = affine(ratio);
}

Normaliser Normaliser::from_store(const io::Store& store, const StateLayout& layout, std::optional<Duration> lag) {
  Statistics s;
  for (const auto& [variable, level] : store_channels(store, layout)) {
    const auto& statistics = store.statistics(variable);
    s.mean.push_back(statistics.mean.at(level));
    s.stddev.push_back(statistics.stddev.at(level));
    if (!lag) continue;
    const auto tendency = store.tendency_statistics(variable, *lag);
    if (!tendency)
      throw DataError("MissingStatistics", kWhere,
                      {.what = "store has no statistics of the tendency over " + format_duration(*lag),
                       .hint = "ingest with ingest.tendency_lags: [" + format_duration(*lag) + "]"});
    s.tendency_stddev.push_back(tendency->stddev.at(level));
  }
  return Normaliser(layout, std::move(s));
}

Normaliser Normaliser::identity(const StateLayout& layout) {
  const auto n = static_cast<size_t>(layout.num_channels());
  return Normaliser(layout, {std::vector<double>(n, 0.0), std::vector<double>(n, 1.0), {}});
}

Normaliser Normaliser::from_json(const nlohmann::json& json, const StateLayout& layout) {
  constexpr const char* kNames = "an array of names";
  constexpr const char* kNumbers = "an array of numbers";
  const auto names = stored_list<std::string>(json, "channels", kNames);
  if (names != layout.channel_names())
    throw DataError("BadStatistics", kWhere,
                    {.what = "channels of the stored statistics",
                     .expected = fmt::format("{}", fmt::join(layout.channel_names(), " ")),
                     .found = fmt::format("{}", fmt::join(names, " "))});
  return Normaliser(layout, {stored_list<double>(json, "mean", kNumbers), stored_list<double>(json, "stddev", kNumbers),
                             stored_list<double>(json, "tendency_stddev", kNumbers)});
}

nlohmann::json Normaliser::to_json() const {
  return {{"channels", layout_.channel_names()},
          {"mean", statistics_.mean},
          {"stddev", statistics_.stddev},
          {"tendency_stddev", statistics_.tendency_stddev}};
}

State Normaliser::normalise(const State& x) const {
  const auto one = [](const torch::Tensor& t, const torch::Tensor& mean, const torch::Tensor& stddev) {
    return t.defined() ? apply(t, stddev.reciprocal(), -mean / stddev) : t;
  };
  return {one(x.surface, mean_.surface, stddev_.surface), one(x.upper, mean_.upper, stddev_.upper)};
}

State Normaliser::denormalise(const State& x) const {
  const auto one = [](const torch::Tensor& t, const torch::Tensor& mean, const torch::Tensor& stddev) {
    return t.defined() ? apply(t, stddev, mean) : t;
  };
  return {one(x.surface, mean_.surface, stddev_.surface), one(x.upper, mean_.upper, stddev_.upper)};
}

State Normaliser::scale_tendency(const State& x) const {
  const auto one = [](const torch::Tensor& t, const torch::Tensor& ratio) {
    return t.defined() ? t * ratio.to(t.options()) : t;
  };
  return {one(x.surface, tendency_ratio_.surface), one(x.upper, tendency_ratio_.upper)};
}

}  // namespace pear::forecast
