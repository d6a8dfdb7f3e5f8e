#include "forecast/train/dataset.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/log.h"

namespace pear::forecast {
namespace {

constexpr double kBytesPerMib = 1048576.0;
constexpr double kLevelTolerance = 1e-6;  // hPa; levels are values, not positions

std::string join(const std::vector<double>& levels) {
  std::string text;
  for (double p : levels) text += fmt::format("{}{}", text.empty() ? "" : ", ", p);
  return text;
}

size_t level_position(const io::StoreVariable& variable, double level) {
  for (size_t i = 0; i < variable.levels_hpa.size(); ++i)
    if (std::abs(variable.levels_hpa[i] - level) < kLevelTolerance) return i;
  throw DataError("MissingLevel", "train.dataset",
                  {.what = "variable " + variable.name + " in the store",
                   .expected = fmt::format("level {} hPa", level),
                   .found = "levels " + join(variable.levels_hpa) + " hPa",
                   .hint = "set data.levels_hpa to levels of the store, or ingest that level"});
}

std::vector<ChannelSource> find_sources(const io::Store& store, const StateLayout& layout) {
  std::vector<ChannelSource> sources;
  for (const auto& name : layout.surface) sources.push_back({store.variable_index(name), {0}});
  for (const auto& name : layout.upper) {
    ChannelSource source{store.variable_index(name), {}};
    for (double level : layout.levels_hpa)
      source.levels.push_back(level_position(store.layout().variables[source.variable], level));
    sources.push_back(std::move(source));
  }
  return sources;
}

void check_finite(const torch::Tensor& channels, const StateLayout& layout, Time t) {
  if (torch::isfinite(channels).all().item<bool>()) return;
  const auto bad = torch::isfinite(channels).logical_not().sum(1);
  const auto names = layout.channel_names();
  for (int64_t c = 0; c < bad.size(0); ++c) {
    const int64_t count = bad[c].item<int64_t>();
    if (count == 0) continue;
    throw DataError("NonFiniteInput", "train.dataset",
                    {.what = fmt::format("channel {} at {}", names[static_cast<size_t>(c)], format_time(t)),
                     .expected = "finite values",
                     .found = fmt::format("{} of {} cells are NaN or infinite", count, channels.size(1)),
                     .hint = "a network cannot take missing values: leave the variable out of data.variables or fill "
                             "it when regridding"});
  }
}

}  // namespace

StateLayout layout_from_store(const DataConfig& config, const io::Store& store) {
  StateLayout layout;
  layout.grid = store.layout().grid;
  layout.levels_hpa = config.levels_hpa;
  std::vector<std::string> names = config.variables;
  if (names.empty())
    for (const auto& v : store.layout().variables) names.push_back(v.name);
  for (const auto& name : names) {
    const auto& variable = store.layout().variables[store.variable_index(name)];
    if (variable.levels_hpa.empty()) {
      layout.surface.push_back(name);
      continue;
    }
    layout.upper.push_back(name);
    if (layout.levels_hpa.empty()) layout.levels_hpa = variable.levels_hpa;
  }
  if (layout.upper.empty()) layout.levels_hpa.clear();
  find_sources(store, layout);  // every level is there
  return layout;
}

PairList list_pairs(const io::Store& store, const TimeSelection& selection, Duration lead, int64_t steps) {
  PairList list;
  std::set<Time> absent;
  for (Time t : selection.times()) {
    bool is_inside = true, complete = true;
    std::vector<Time> missing;
    for (int64_t k = 0; k <= steps; ++k) {
      const Time needed = t + k * lead;
      is_inside = is_inside && (k == 0 || selection.contains(needed));
      if (store.index_of(needed)) continue;
      missing.push_back(needed);
      complete = false;
    }
    if (!is_inside) continue;
    absent.insert(missing.begin(), missing.end());
    if (complete)
      list.pairs.push_back({t, t + steps * lead});
    else
      ++list.num_dropped;
  }
  list.absent.assign(absent.begin(), absent.end());
  return list;
}

Dataset::Dataset(std::shared_ptr<const io::Store> store, FieldSelection fields, const TimeSelection& selection,
                 const DataConfig& config, const std::string& what)
    : store_(std::move(store)),
      fields_(std::move(fields)),
      sources_(find_sources(*store_, fields_.layout)),
      selection_(selection),
      lead_(config.lead_or_every()),
      resident_limit_bytes_(static_cast<double>(config.resident_limit_mib) * kBytesPerMib),
      what_(what) {
  add_rollout(1);
}

void Dataset::add_rollout(int64_t steps) {
  if (lists_.contains(steps)) return;
  PairList list = list_pairs(*store_, selection_, lead_, steps);
  const std::string samples = steps == 1 ? "pairs" : fmt::format("samples of {} steps", steps);
  if (list.num_dropped > 0)
    log_info("{}: {} {} dropped, they touch {} missing times (first {})", what_, list.num_dropped, samples,
             list.absent.size(), format_time(list.absent.front()));
  if (list.pairs.empty()) {
    const auto& times = store_->times();
    throw DataError("NoPairs", "train.dataset",
                    {.what = "period data." + what_ + " holds no " +
                             (steps == 1 ? "pair of states " : fmt::format("{} states in a row, each ", steps + 1)) +
                             format_duration(lead_) + " apart",
                     .expected = "at least one " + std::string(steps == 1 ? "pair" : "sample"),
                     .found = times.empty() ? "a store without times"
                                            : fmt::format("store times {} .. {}", format_time(times.front()),
                                                          format_time(times.back())),
                     .hint = fmt::format("set data.{}.start and .end inside the store's times{}", what_,
                                         steps == 1 ? "" : ", or fewer steps in train.rollout.schedule")});
  }
  lists_[steps] = std::move(list);
  keep_resident();
}

std::set<Time> Dataset::needed_times() const {
  std::set<Time> needed;
  for (const auto& [steps, list] : lists_)
    for (const auto& pair : list.pairs)
      for (int64_t k = 0; k <= steps; ++k) needed.insert(pair.input + k * lead_);
  return needed;
}

void Dataset::keep_resident() {
  const auto needed = needed_times();
  const double bytes = 4.0 * static_cast<double>(needed.size()) * static_cast<double>(fields_.layout.num_channels()) *
                       static_cast<double>(fields_.num_cells);
  if (bytes > resident_limit_bytes_) {
    resident_.clear();
    return;
  }
  resident_.resize(store_->times().size());
  for (Time t : needed)
    if (auto& kept = resident_[*store_->index_of(t)]; !kept.defined()) kept = read_channels(t);
}

torch::Tensor Dataset::read_channels(Time t) const {
  const size_t time_index = store_->index_of(t).value();
  const int64_t cells = fields_.layout.grid.num_cells();
  auto channels = torch::empty({fields_.layout.num_channels(), fields_.num_cells}, torch::kFloat32);
  int64_t row = 0;
  for (const auto& source : sources_) {
    const int64_t levels = store_->layout().variables[source.variable].num_levels();
    auto raw = torch::empty({levels, cells}, torch::kFloat32);
    store_->read(source.variable, time_index, {raw.data_ptr<float>(), static_cast<size_t>(raw.numel())});
    for (size_t level : source.levels)
      channels[row++].copy_(raw[static_cast<int64_t>(level)].narrow(0, fields_.first_cell, fields_.num_cells));
  }
  check_finite(channels, fields_.layout, t);
  return channels;
}

torch::Tensor Dataset::channels_at(Time t) const {
  if (is_resident()) {
    const auto& kept = resident_[store_->index_of(t).value()];
    if (kept.defined()) return kept;
  }
  return read_channels(t);
}

Batch Dataset::load(std::span<const int64_t> indices, int64_t steps) const {
  std::vector<std::vector<torch::Tensor>> states(static_cast<size_t>(steps + 1));
  Batch batch;
  for (int64_t i : indices) {
    const Pair& pair = list(steps).pairs.at(static_cast<size_t>(i));
    for (int64_t k = 0; k <= steps; ++k) states[static_cast<size_t>(k)].push_back(channels_at(pair.input + k * lead_));
    batch.pairs.push_back(pair);
  }
  batch.input = State::from_channels(torch::stack(states[0]), fields_.layout);
  batch.target = State::from_channels(torch::stack(states[1]), fields_.layout);
  for (size_t k = 2; k < states.size(); ++k)
    batch.later.push_back(State::from_channels(torch::stack(states[k]), fields_.layout));
  return batch;
}

}  // namespace pear::forecast
