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

PairList list_pairs(const io::Store& store, const TimeSelection& selection, Duration lead) {
  PairList list;
  std::set<Time> absent;
  for (Time t : selection.times()) {
    const Time target = t + lead;
    if (!selection.contains(target)) continue;
    bool complete = true;
    for (Time needed : {t, target})
      if (!store.index_of(needed)) {
        absent.insert(needed);
        complete = false;
      }
    if (complete)
      list.pairs.push_back({t, target});
    else
      ++list.num_dropped;
  }
  list.absent.assign(absent.begin(), absent.end());
  return list;
}

Dataset::Dataset(std::shared_ptr<const io::Store> store, const StateLayout& layout, const TimeSelection& selection,
                 const DataConfig& config, const std::string& what)
    : store_(std::move(store)), layout_(layout), sources_(find_sources(*store_, layout)) {
  list_ = list_pairs(*store_, selection, config.lead_or_every());
  if (list_.num_dropped > 0)
    log_info("{}: {} pairs dropped, they touch {} missing times (first {})", what, list_.num_dropped,
             list_.absent.size(), format_time(list_.absent.front()));
  if (list_.pairs.empty()) {
    const auto& times = store_->times();
    throw DataError("NoPairs", "train.dataset",
                    {.what = "period data." + what + " holds no pair of states " +
                             format_duration(config.lead_or_every()) + " apart",
                     .expected = "at least one pair",
                     .found = times.empty() ? "a store without times"
                                            : fmt::format("store times {} .. {}", format_time(times.front()),
                                                          format_time(times.back())),
                     .hint = fmt::format("set data.{}.start and .end inside the store's times", what)});
  }
  std::set<Time> needed;
  for (const auto& pair : list_.pairs) needed.insert({pair.input, pair.target});
  const double bytes = 4.0 * static_cast<double>(needed.size()) * static_cast<double>(layout.num_channels()) *
                       static_cast<double>(layout.grid.num_cells());
  if (bytes > static_cast<double>(config.resident_limit_mib) * kBytesPerMib) return;
  resident_.resize(store_->times().size());
  for (Time t : needed) resident_[*store_->index_of(t)] = read_channels(t);
}

torch::Tensor Dataset::read_channels(Time t) const {
  const size_t time_index = store_->index_of(t).value();
  const int64_t cells = layout_.grid.num_cells();
  auto channels = torch::empty({layout_.num_channels(), cells}, torch::kFloat32);
  int64_t row = 0;
  for (const auto& source : sources_) {
    const int64_t levels = store_->layout().variables[source.variable].num_levels();
    auto raw = torch::empty({levels, cells}, torch::kFloat32);
    store_->read(source.variable, time_index, {raw.data_ptr<float>(), static_cast<size_t>(raw.numel())});
    for (size_t level : source.levels) channels[row++].copy_(raw[static_cast<int64_t>(level)]);
  }
  check_finite(channels, layout_, t);
  return channels;
}

torch::Tensor Dataset::channels_at(Time t) const {
  if (is_resident()) {
    const auto& kept = resident_[store_->index_of(t).value()];
    if (kept.defined()) return kept;
  }
  return read_channels(t);
}

Batch Dataset::load(std::span<const int64_t> indices) const {
  std::vector<torch::Tensor> inputs, targets;
  Batch batch;
  for (int64_t i : indices) {
    const Pair& pair = list_.pairs.at(static_cast<size_t>(i));
    inputs.push_back(channels_at(pair.input));
    targets.push_back(channels_at(pair.target));
    batch.pairs.push_back(pair);
  }
  batch.input = State::from_channels(torch::stack(inputs), layout_);
  batch.target = State::from_channels(torch::stack(targets), layout_);
  return batch;
}

}  // namespace pear::forecast
