// Building: parts in any order by any number of processes, then one merge.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "io/store.h"
#include "io/store_build.h"
#include "io/store_format.h"
#include "io/store_part.h"

namespace pear::io {
namespace {

namespace fs = std::filesystem;

class Builder final : public StoreBuilder {
 public:
  Builder(fs::path directory, StoreIndex index)
      : directory_(std::move(directory)), index_(std::move(index)), weights_(statistics_weights(index_.layout.grid)) {
    for (const auto& entry : fs::directory_iterator(directory_))
      if (is_left_over(entry.path())) left_over_.insert(entry.path());
  }

  std::vector<Time> pending() const override {
    const StoreProgress progress = store_progress(directory_, index_);
    return progress.pending;
  }
  void write(Time t, std::span<const float> values, const std::string& source_note) override;
  void mark_missing(Time t, const std::string& reason) override;
  void finalise() override;

 private:
  static bool is_left_over(const fs::path& path) {
    const std::string name = path.filename().string();
    return name.starts_with(".") && name.find(".tmp-") != std::string::npos;
  }
  void check_time(Time t) const;
  VariableMoments checked_moments(Time t, std::span<const float> values) const;
  void remove_left_over(const std::string& prefix);

  fs::path directory_;
  StoreIndex index_;
  std::vector<double> weights_;
  std::set<fs::path> left_over_;  ///< temporaries of killed runs, found at the start
};

void Builder::check_time(Time t) const {
  if (index_.finalised)
    throw DataError(
        "StoreMismatch", "io.store",
        {.what = directory_.string() + " is finished; nothing can be added to it", .found = "time " + format_time(t)});
  if (!std::binary_search(index_.layout.times.begin(), index_.layout.times.end(), t))
    throw DataError("StoreMismatch", "io.store",
                    {.what = fmt::format("{} does not expect the time {}", directory_.string(), format_time(t)),
                     .expected = fmt::format("one of its {} times", index_.layout.times.size())});
}

VariableMoments Builder::checked_moments(Time t, std::span<const float> values) const {
  const StoreLayout& layout = index_.layout;
  const auto cells = static_cast<size_t>(layout.grid.num_cells());
  const auto channels = static_cast<size_t>(layout.num_channels());
  if (values.size() != channels * cells)
    throw ShapeError("SizeMismatch", "io.store",
                     {.what = "values of " + format_time(t),
                      .expected = fmt::format("[{}, {}] values", channels, cells),
                      .found = fmt::format("{} values", values.size())});
  VariableMoments all;
  size_t channel = 0;
  for (const auto& v : layout.variables) {
    const auto& allowed = index_.options.allow_nan;
    const bool may_be_nan = std::find(allowed.begin(), allowed.end(), v.name) != allowed.end();
    std::vector<Moments> moments;
    for (int64_t l = 0; l < v.num_levels(); ++l, ++channel) {
      const auto field = values.subspan(channel * cells, cells);
      const auto bad = std::find_if(field.begin(), field.end(),
                                    [&](float x) { return may_be_nan ? std::isinf(x) : !std::isfinite(x); });
      if (bad != field.end())
        throw DataError(
            "NonFinite", "io.store",
            {.what = fmt::format(
                 "variable {}{} of {}", v.name,
                 v.levels_hpa.empty() ? "" : fmt::format(" at {} hPa", v.levels_hpa[static_cast<size_t>(l)]),
                 format_time(t)),
             .expected = "finite values",
             .found = fmt::format("{} in cell {}", *bad, bad - field.begin()),
             .hint = std::isnan(*bad) ? fmt::format("if gaps are meant: ingest.allow_nan=[{}]", v.name) : ""});
      moments.push_back(moments_of(field, weights_));
    }
    all.push_back(std::move(moments));
  }
  return all;
}

void Builder::remove_left_over(const std::string& prefix) {
  std::erase_if(left_over_, [&](const fs::path& path) {
    if (!path.filename().string().starts_with(prefix)) return false;
    std::error_code ignored;
    fs::remove(path, ignored);
    return true;
  });
}

void Builder::write(Time t, std::span<const float> values, const std::string& source_note) {
  check_time(t);
  const VariableMoments moments = checked_moments(t, values);
  const fs::path path = directory_ / part_file_name(t);
  remove_left_over("." + part_file_name(t) + ".tmp-");
  AtomicFile file(path);
  try {
    write_part(file.temporary(), index_, t, values, moments, source_note);
  } catch (const DataError& e) {
    if (e.code() != "NetcdfError") throw;
    throw DataError("WriteFailed", "io.store",
                    {.what = fmt::format("cannot write {}", path.string()),
                     .expected = fmt::format("about {} bytes on disk", values.size_bytes()),
                     .found = fmt::format("{}; {} bytes are free", e.detail().found, free_space(directory_)),
                     .hint = "finished dates are safe: make room and run the same command again"});
  }
  file.commit();
  std::error_code ignored;
  fs::remove(directory_ / missing_file_name(t), ignored);
}

void Builder::mark_missing(Time t, const std::string& reason) {
  check_time(t);
  if (index_.layout.missing_times != "skip")
    throw DataError("MissingTime", "io.store",
                    {.what = "no data for " + format_time(t),
                     .expected = "every requested time",
                     .found = reason,
                     .hint = "ingest.missing_times=skip lists such dates and goes on"});
  const nlohmann::json j = {{"time", format_time(t)}, {"reason", reason}};
  write_file_atomic(directory_ / missing_file_name(t),
                    j.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void Builder::finalise() {
  const StoreProgress progress = store_progress(directory_, index_);
  if (!progress.pending.empty()) {
    std::vector<std::string> first;
    for (size_t i = 0; i < std::min<size_t>(3, progress.pending.size()); ++i)
      first.push_back(format_time(progress.pending[i]));
    throw DataError("StoreIncomplete", "io.store",
                    {.what = fmt::format("{} cannot be finished", directory_.string()),
                     .expected = fmt::format("{} times", index_.layout.times.size()),
                     .found = fmt::format("{} not loaded yet: {}{}", progress.pending.size(), fmt::join(first, ", "),
                                          progress.pending.size() > first.size() ? ", …" : ""),
                     .hint = "run the stage load for all parts"});
  }
  if (progress.present.empty())
    throw DataError("StoreIncomplete", "io.store",
                    {.what = directory_.string() + " cannot be finished", .expected = "at least one date with data"});
  if (index_.finalised) return;
  finalise_index(directory_, index_, progress, weights_);
  write_file_atomic(directory_ / kStoreFile, to_text(index_));
  remove_left_over("");
}

}  // namespace

std::unique_ptr<StoreBuilder> StoreBuilder::open(const fs::path& directory, const StoreLayout& layout,
                                                 const StoreBuildOptions& options) {
  check_layout(layout);
  for (const auto& name : options.allow_nan)
    if (std::none_of(layout.variables.begin(), layout.variables.end(), [&](const auto& v) { return v.name == name; }))
      throw ConfigError("UnknownVariable", "io.store",
                        {.what = "variable '" + name + "' may hold NaN, but it is not in the store"});
  for (const Duration lag : options.tendency_lags)
    if (lag.seconds <= 0)
      throw ConfigError("BadDuration", "io.store",
                        {.what = "tendency lag " + format_duration(lag), .expected = "a positive lag"});
  if (fs::exists(directory / kStoreFile)) {
    StoreIndex index = read_store_index(directory);
    check_same_store(index, layout, options, directory);
    // Statistics are no part of the content: asking for others only repeats the last step.
    const bool same_statistics = index.options.tendency_lags == options.tendency_lags &&
                                 index.options.statistics_period == options.statistics_period;
    if (index.finalised && same_statistics) return std::make_unique<Builder>(directory, std::move(index));
    ensure_writable_directory(directory);
    StoreIndex fresh{.layout = layout, .options = options};
    fresh.options.provenance_json = index.options.provenance_json;
    if (!same_statistics) write_file_atomic(directory / kStoreFile, to_text(fresh));
    return std::make_unique<Builder>(directory, std::move(fresh));
  }
  ensure_writable_directory(directory);
  StoreIndex index{.layout = layout, .options = options};
  write_file_atomic(directory / kStoreFile, to_text(index));
  return std::make_unique<Builder>(directory, std::move(index));
}

}  // namespace pear::io
