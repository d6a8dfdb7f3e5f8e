#include "forecast/model/baselines.h"

#include <ATen/ops/cat.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr const char* kWhere = "forecast.climatology";

}  // namespace

ClimatologyModel::ClimatologyModel(StateLayout layout, Duration step, std::shared_ptr<const Climatology> climatology)
    : layout_(std::move(layout)), step_(step), climatology_(std::move(climatology)) {
  if (climatology_->grid() != layout_.grid)
    throw DataError("GridMismatch", kWhere,
                    {.what = "climatology and state",
                     .expected = "grid " + layout_.grid.spec(),
                     .found = "grid " + climatology_->grid().spec()});
  for (const auto& name : layout_.surface) sources_.push_back(find(name, false));
  for (const auto& name : layout_.upper) sources_.push_back(find(name, true));
}

ClimatologyModel::Source ClimatologyModel::find(const std::string& name, bool is_upper) const {
  Source source{climatology_->variable_index(name), {}};
  const auto& present = climatology_->variables()[source.variable].levels_hpa;
  const std::string found =
      present.empty() ? "a surface field" : fmt::format("levels {} hPa", fmt::join(present, ", "));
  if (!is_upper) {
    if (!present.empty())
      throw DataError(
          "MissingLevel", kWhere,
          {.what = "climatology of " + name, .expected = "a surface field, as in the state", .found = found});
    source.levels.push_back(0);
    return source;
  }
  for (double level : layout_.levels_hpa) {
    const auto it = std::find(present.begin(), present.end(), level);
    if (it == present.end())
      throw DataError(
          "MissingLevel", kWhere,
          {.what = "climatology of " + name, .expected = fmt::format("level {} hPa", level), .found = found});
    source.levels.push_back(it - present.begin());
  }
  return source;
}

State ClimatologyModel::step(const State& state, Time valid_time) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> rows;
  for (const auto& source : sources_) {
    const int64_t levels = climatology_->variables()[source.variable].num_levels();
    auto mean = torch::empty({levels, layout_.grid.num_cells()}, torch::kFloat32);
    climatology_->read(source.variable, valid_time + step_,
                       {mean.data_ptr<float>(), static_cast<size_t>(mean.numel())});
    rows.push_back(mean.index_select(0, torch::tensor(source.levels, torch::kInt64)));
  }
  const auto& like = state.surface.defined() ? state.surface : state.upper;
  const auto all = at::cat(rows, 0).unsqueeze(0).to(like.options()).repeat({like.size(0), 1, 1});
  return State::from_channels(all, layout_);
}

}  // namespace pear::forecast
