#include "forecast/ingest/ingest.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/signals.h"
#include "forecast/ingest/source_index.h"
#include "forecast/ingest/state_reader.h"
#include "io/store.h"
#include "io/store_summary.h"

namespace pear::forecast {
namespace {

using MissingList = std::vector<std::pair<Time, std::string>>;

bool has_stage(const IngestRequest& request, const std::string& stage) {
  return request.options.stage == "all" || request.options.stage == stage;
}

void check_request(const IngestRequest& request) {
  ConfigIssues issues;
  request.options.validate(issues, "ingest");
  if (!issues.empty()) {
    const auto& first = issues.issues().front();
    throw ConfigError("BadValue", "ingest", {.what = first.key + ": " + first.what, .hint = first.hint});
  }
  if (request.store.empty())
    throw ConfigError("MissingKey", "ingest", {.what = "data.store is empty", .expected = "the folder of the store"});
  if (request.times.empty() && request.every.seconds <= 0)
    throw ConfigError("BadPeriod", "ingest", {.what = "data.every must be positive"});
}

/// Requested times, or the regular series from the first to the last date found: a gap in it is noticed.
std::vector<Time> wanted_times(const IngestRequest& request, const SourceIndex* index) {
  std::vector<Time> times = request.times;
  if (times.empty()) {
    PEAR_ASSERT(index != nullptr);
    std::vector<Time> found = index->times();
    std::erase_if(found, [&](Time t) { return t.seconds % request.every.seconds != 0; });
    if (found.empty())
      throw DataError("MissingTime", "ingest",
                      {.what = "no date in the sources is a multiple of " + format_duration(request.every),
                       .expected = "dates at that spacing",
                       .hint = "set data.every, or name the periods data.train, data.select, data.test"});
    times = Period{.start = found.front(), .end = found.back(), .every = request.every}.times();
  }
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

io::StoreLayout layout_for(const IngestRequest& request, std::vector<io::StoreVariable> variables,
                           std::vector<Time> times) {
  return {.grid = request.grid,
          .variables = std::move(variables),
          .times = std::move(times),
          .kind = request.options.kind,
          .source = request.options.product,
          .missing_times = request.options.missing_times};
}

MissingList missing_dates(const IngestRequest& request, const SourceIndex& index, const std::vector<Time>& times) {
  MissingList missing;
  for (const Time t : times)
    if (std::string reason = index.missing_reason(t); !reason.empty()) missing.emplace_back(t, std::move(reason));
  if (missing.empty()) return missing;
  const double share = static_cast<double>(missing.size()) / static_cast<double>(times.size());
  const double limit = request.options.max_missing_fraction;
  const bool refused = request.options.missing_times == "error" || missing.size() == times.size();
  if (refused || (limit > 0 && share > limit))
    throw DataError(
        "MissingTime", "ingest",
        {.what = fmt::format("{} of {} dates cannot be built", missing.size(), times.size()),
         .expected = refused ? "every date complete"
                             : fmt::format("at most a share of {} missing (ingest.max_missing_fraction)", limit),
         .found = fmt::format("first: {}, {}", format_time(missing.front().first), missing.front().second),
         .hint = "add sources, correct the periods or data.every, or set ingest.missing_times=skip"});
  return missing;
}

void check_space(const IngestRequest& request, int64_t bytes) {
  const auto free = free_space(request.store);
  if (static_cast<uint64_t>(bytes) > free && !request.options.compress)
    throw DataError("DiskFull", "ingest",
                    {.what = "no room for " + request.store.string(),
                     .expected = fmt::format("{} bytes", bytes),
                     .found = fmt::format("{} bytes free", free),
                     .hint = "make room, or set ingest.compress=true"});
}

/// Writes the dates of this share that are not there yet.
void load(const IngestRequest& request, const SourceIndex& index, const io::StoreLayout& layout,
          const MissingList& missing, io::StoreBuilder& builder, IngestReport& report) {
  const auto [part, parts] = *parse_part(request.options.part);
  std::vector<Time> todo;
  for (const Time t : builder.pending()) {
    const auto position = std::lower_bound(layout.times.begin(), layout.times.end(), t) - layout.times.begin();
    if (position % parts == part - 1) todo.push_back(t);
  }
  const auto channels = static_cast<size_t>(layout.num_channels());
  std::vector<float> values(channels * static_cast<size_t>(layout.grid.num_cells()));
  check_space(request, static_cast<int64_t>(todo.size() * values.size() * sizeof(float)));
  StateReader reader(request, index, layout.variables);
  Progress progress("ingest", static_cast<int64_t>(todo.size()), "dates");
  for (size_t i = 0; i < todo.size(); ++i) {
    if (stop_requested())
      throw StoppedBySignal(fmt::format("stopped after {} of {} dates; run the same command again", i, todo.size()));
    const Time t = todo[i];
    const auto gap = std::find_if(missing.begin(), missing.end(), [&](const auto& m) { return m.first == t; });
    if (gap != missing.end()) {
      builder.mark_missing(t, gap->second);
      log_warn("{} is missing: {}", format_time(t), gap->second);
    } else {
      const std::string note = reader.read(t, values);
      builder.write(t, values, note);
      ++report.times_written;
    }
    progress.update(static_cast<int64_t>(i + 1));
  }
  progress.finish();
}

void describe(const std::filesystem::path& store, IngestReport& report) {
  const io::StoreSummary summary = io::summarise_store(store);
  report.times_requested = static_cast<int64_t>(summary.layout.times.size());
  report.times_present = static_cast<int64_t>(summary.present.size());
  report.missing = summary.missing;
  report.finalised = summary.finalised;
  report.fingerprint = summary.fingerprint;
}

}  // namespace

IngestPlan plan_ingest(const IngestRequest& request) {
  check_request(request);
  const auto variables = store_variables(request);
  const SourceIndex index(request, variables);
  IngestPlan plan;
  for (const auto& file : index.files()) plan.files.push_back(file.string());
  const auto times = wanted_times(request, &index);
  plan.missing = missing_dates(request, index, times);
  for (const Time t : times)
    if (std::none_of(plan.missing.begin(), plan.missing.end(), [&](const auto& m) { return m.first == t; }))
      plan.times.push_back(t);
  plan.source_grids = index.grid_specs();
  plan.problems = index.problems();
  plan.num_channels = layout_for(request, variables, times).num_channels();
  plan.num_cells = request.grid.num_cells();
  plan.store_bytes = static_cast<int64_t>(plan.times.size()) * plan.num_channels * plan.num_cells *
                     static_cast<int64_t>(sizeof(float));
  return plan;
}

IngestReport ingest(const IngestRequest& request) {
  check_request(request);
  const auto variables = store_variables(request);
  const io::StoreBuildOptions build{.tendency_lags = request.options.tendency_lags,
                                    .statistics_period = request.statistics_period,
                                    .allow_nan = request.options.allow_nan,
                                    .compress = request.options.compress,
                                    .provenance_json = request.provenance_json};
  IngestReport report;
  std::optional<SourceIndex> index;
  if (request.times.empty()) index.emplace(request, variables);
  const io::StoreLayout layout = layout_for(request, variables, wanted_times(request, index ? &*index : nullptr));
  // Refuse before anything is written: a store must not be begun from sources that cannot fill it.
  const bool is_new = !io::is_store(request.store);
  if (!index && is_new) index.emplace(request, variables);
  if (index) missing_dates(request, *index, layout.times);
  const auto builder = io::StoreBuilder::open(request.store, layout, build);
  describe(request.store, report);
  if (report.finalised) {
    report.up_to_date = true;
    log_info("{} is up to date: {} dates", request.store.string(), report.times_present);
    return report;
  }
  if (has_stage(request, "load") && !builder->pending().empty()) {
    if (!index) index.emplace(request, variables);
    load(request, *index, layout, missing_dates(request, *index, layout.times), *builder, report);
  }
  if (index) report.problems = index->problems();
  for (const auto& problem : report.problems) log_warn("skipped: {}", problem);
  if (has_stage(request, "finalise")) builder->finalise();
  describe(request.store, report);
  log_info("{}: {} of {} dates, {} missing{}", request.store.string(), report.times_present, report.times_requested,
           report.missing.size(), report.finalised ? ", finished" : "");
  return report;
}

}  // namespace pear::forecast
