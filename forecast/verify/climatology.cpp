#include "forecast/verify/climatology.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "forecast/verify/annual_harmonics.h"
#include "forecast/verify/climatology_file.h"
#include "forecast/verify/definition.h"

namespace pear::forecast {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;
constexpr const char* kWhere = "forecast.verify.climatology";

bool is_windowed(ClimatologyKind kind) { return kind == ClimatologyKind::Wb2 || kind == ClimatologyKind::Windowed; }

std::vector<double> window_of(ClimatologyKind kind, int64_t length) {
  return kind == ClimatologyKind::Wb2 ? wb2_window() : gaussian_window(length);
}

std::vector<Time> pick(const std::vector<Time>& times, const std::vector<size_t>& members) {
  std::vector<Time> out;
  for (const size_t i : members) out.push_back(times[i]);
  return out;
}

void find_times(ClimatologyPlan& plan, const ClimatologyRequest& request) {
  const TimeSelection& period = request.config.period.empty() ? request.default_period : request.config.period;
  if (period.empty())
    throw ConfigError("MissingKey", "config",
                      {.what = "climatology.period is empty and there is no data.train",
                       .expected = "the times that the climatology averages"});
  for (const Time t : period.times()) {
    const auto position = request.store->index_of(t);
    if (!position) {
      ++plan.num_missing;
      continue;
    }
    plan.times.push_back(t);
    plan.index.push_back(*position);
  }
  if (plan.times.empty())
    throw DataError("MissingTime", kWhere,
                    {.what = "no time of climatology.period (or data.train) is in the store",
                     .hint = "the period must lie inside the store and use its spacing"});
}

/// The kind that was named, or by the rule of `auto`: harmonics where every hour of the day determines them.
void choose_kind(ClimatologyPlan& plan, const ClimatologyConfig& config) {
  plan.kind = config.kind == "auto" ? ClimatologyKind::Harmonics : climatology_kind_from(config.kind);
  plan.keys = make_climatology_keys(plan.kind, config.by_hour, plan.times);
  if (plan.kind != ClimatologyKind::Harmonics) return;
  std::string obstacle;
  for (const auto& members : plan.keys.members)
    if (obstacle.empty()) obstacle = harmonics_obstacle(pick(plan.times, members), config.num_harmonics);
  if (obstacle.empty()) {
    if (config.kind == "auto") plan.reason = "the period covers the year";
    return;
  }
  if (config.kind != "auto")
    throw DataError("TooFewSamples", kWhere,
                    {.what = "climatology.kind=harmonics: " + obstacle,
                     .expected = "a year or more of samples at every hour of the day",
                     .found = fmt::format("{} times from {} to {}", plan.times.size(), format_time(plan.times.front()),
                                          format_time(plan.times.back())),
                     .hint = "climatology.kind=mean suits short periods"});
  plan.kind = ClimatologyKind::Mean;
  plan.keys = make_climatology_keys(plan.kind, config.by_hour, plan.times);
  plan.reason = "no harmonics: " + obstacle;
}

/// Every day from the daily means around it, with the window's weights.
std::vector<WeightedSums> window_sums(const ClimatologyPlan& plan, const std::vector<double>& window) {
  const auto half = static_cast<int64_t>(window.size() / 2);
  const int64_t days = num_days(plan.kind);
  std::vector<WeightedSums> sums;
  for (int64_t key = 0; key < static_cast<int64_t>(plan.keys.members.size()); ++key) {
    WeightedSums group{.hour = static_cast<size_t>(key / days), .first = static_cast<size_t>(key % days)};
    auto& weights = group.weights.emplace_back();
    for (int64_t d = -half; d <= half; ++d) {
      const double w = window[static_cast<size_t>(d + half)];
      const int64_t other = key / days * days + ((key % days + d) % days + days) % days;
      // A daily mean of n samples counts n times: the mean is over (window, year).
      const auto n = static_cast<double>(plan.keys.members[static_cast<size_t>(other)].size());
      if (!(w > 0 && n > 0)) continue;
      group.sources.push_back(static_cast<size_t>(other));
      weights.push_back(w * n);
      group.num_samples += static_cast<int64_t>(n);
    }
    sums.push_back(std::move(group));
  }
  return sums;
}

void refuse_sparse(const ClimatologyPlan& plan, const ClimatologyConfig& config) {
  if (config.allow_sparse || (plan.kind != ClimatologyKind::Pear && !is_windowed(plan.kind))) return;
  constexpr size_t kLeapDay = 59;  // 29 February: absent from a period without leap years
  const auto days = static_cast<size_t>(num_days(plan.kind));
  size_t empty = 0;
  if (plan.kind == ClimatologyKind::Windowed) {  // a gap is filled by the days around it
    for (const auto& day : window_sums(plan, gaussian_window(config.window))) empty += day.sources.empty() ? 1 : 0;
  } else {
    for (size_t k = 0; k < plan.keys.members.size(); ++k)
      if (plan.keys.members[k].empty() && !(plan.kind == ClimatologyKind::Pear && k % days == kLeapDay)) ++empty;
  }
  if (empty == 0 && (plan.num_missing == 0 || plan.kind == ClimatologyKind::Windowed)) return;
  throw DataError("MissingTime", kWhere,
                  {.what = fmt::format("climatology '{}': {} of {} (hour, day) means have no sample, {} times of the "
                                       "period are missing in the store",
                                       to_string(plan.kind), empty, plan.keys.members.size(), plan.num_missing),
                   .expected = "a complete archive",
                   .hint = "climatology.allow_sparse=true accepts it; climatology.kind=mean suits short periods"});
}

json make_definition(const ClimatologyPlan& plan, const ClimatologyRequest& request) {
  std::string all;
  for (const Time t : plan.times) all += format_time(t) + "\n";
  json hours = json::array();
  for (const int64_t s : plan.keys.seconds_of_day)
    hours.push_back(s < 0 ? json("all") : json(static_cast<double>(s) / 3600));
  json d{{"kind", to_string(plan.kind)},
         {"version", 1},
         {"period",
          {{"first", format_time(plan.times.front())},
           {"last", format_time(plan.times.back())},
           {"count", plan.times.size()},
           {"sha256", sha256_hex(all)}}},
         {"hours", hours},
         {"window_days", is_windowed(plan.kind) ? window_of(plan.kind, request.config.window).size() : 1},
         {"grid", request.store->layout().grid.spec()},
         {"sha256", request.store->fingerprint()}};
  if (plan.kind == ClimatologyKind::Harmonics) d["num_harmonics"] = request.config.num_harmonics;
  return d;
}

/// Plain means of each key, or the coefficients of each hour.
std::vector<WeightedSums> direct_sums(const ClimatologyPlan& plan, const ClimatologyConfig& config) {
  const auto days = static_cast<size_t>(num_days(plan.kind));
  std::vector<WeightedSums> sums;
  for (size_t key = 0; key < plan.keys.members.size(); ++key) {
    const auto& members = plan.keys.members[key];
    WeightedSums group{.hour = key / days, .first = key % days};
    group.num_samples = static_cast<int64_t>(members.size());
    for (const size_t i : members) group.sources.push_back(plan.index[i]);
    if (plan.kind == ClimatologyKind::Harmonics) {
      group.weights = least_squares_weights(pick(plan.times, members), config.num_harmonics);
      group.is_mean = false;
    } else {
      group.weights.assign(1, std::vector<double>(members.size(), 1.0));
    }
    sums.push_back(std::move(group));
  }
  return sums;
}

/// Any moment in a leap year that belongs to a key.
Time moment_of(const ClimatologyKeys& keys, size_t key) {
  const auto days = static_cast<size_t>(num_days(keys.kind));
  const int64_t second = std::max<int64_t>(0, keys.seconds_of_day[key / days]);
  return time_from_civil({.year = 2000}) + Duration{static_cast<int64_t>(key % days) * 86400 + second};
}

void compute(const ClimatologyPlan& plan, const ClimatologyRequest& request) {
  ClimatologyContent content{.layout = request.store->layout(),
                             .keys = plan.keys,
                             .definition = plan.definition,
                             .provenance = request.provenance,
                             .sums = direct_sums(plan, request.config),
                             .read = {}};
  content.read = [&store = *request.store](size_t variable, size_t source, std::span<float> out) {
    store.read(variable, source, out);
  };
  if (!is_windowed(plan.kind)) return write_climatology(plan.file, content, "climatology");
  // Daily means first: each field is read once instead of once per day of the window.
  const AtomicFile daily_file(plan.file.string() + ".daily");  // never committed: removed on every way out
  write_climatology(daily_file.temporary(), content, "climatology: daily means");
  const auto daily = open_climatology(daily_file.temporary());
  content.sums = window_sums(plan, window_of(plan.kind, request.config.window));
  content.read = [&](size_t variable, size_t source, std::span<float> out) {
    daily->read(variable, moment_of(plan.keys, source), out);
  };
  write_climatology(plan.file, content, "climatology: window");
}

std::string period_text(const json& definition) {
  const auto& p = definition.at("period");
  return fmt::format("{} to {}", p.at("first").get<std::string>(), p.at("last").get<std::string>());
}

std::string levels_text(const io::StoreVariable& v) {
  return v.levels_hpa.empty() ? v.name : fmt::format("{} at {} hPa", v.name, fmt::join(v.levels_hpa, ", "));
}

}  // namespace

size_t Climatology::variable_index(const std::string& name) const {
  std::string names;
  for (size_t v = 0; v < variables().size(); ++v) {
    if (variables()[v].name == name) return v;
    names += (v ? ", " : "") + variables()[v].name;
  }
  throw DataError("MissingVariable", kWhere,
                  {.what = "the climatology has no variable " + name, .expected = name, .found = names});
}

ClimatologyPlan plan_climatology(const ClimatologyRequest& request) {
  PEAR_ASSERT(request.store != nullptr);
  ClimatologyPlan plan;
  find_times(plan, request);
  choose_kind(plan, request.config);
  refuse_sparse(plan, request.config);
  plan.definition = make_definition(plan, request);
  plan.id = definition_id(plan.definition);
  plan.file = request.config.file.empty() ? request.folder / fmt::format("climatology_{}.nc", plan.id)
                                          : fs::path(request.config.file.str());
  const auto& layout = request.store->layout();
  const auto values = static_cast<int64_t>(plan.keys.seconds_of_day.size() * num_rows(plan.keys, plan.definition)) *
                      layout.num_channels() * layout.grid.num_cells();
  plan.bytes = values * static_cast<int64_t>(sizeof(float));
  return plan;
}

std::shared_ptr<const Climatology> make_climatology(const ClimatologyRequest& request) {
  const ClimatologyPlan plan = plan_climatology(request);
  if (fs::exists(plan.file)) {
    const auto existing = open_climatology(plan.file);
    if (existing->definition() == plan.definition) return existing;
    if (!request.overwrite)
      throw DataError(
          "ResultExists", kWhere,
          {.what = fmt::format("{} has another definition: {}", plan.file.string(),
                               fmt::join(definition_differences(existing->definition(), plan.definition), "; ")),
           .hint = "name another climatology.file, or set run.overwrite=true"});
  }
  if (!plan.reason.empty()) log_info("climatology.kind=auto: {} ({})", to_string(plan.kind), plan.reason);
  if (plan.num_missing > 0) log_info("climatology: {} times of the period are not in the store", plan.num_missing);
  if (plan.file.has_parent_path()) fs::create_directories(plan.file.parent_path());
  compute(plan, request);
  return open_climatology(plan.file);
}

std::shared_ptr<const Climatology> obtain_climatology(const ClimatologyRequest& request) {
  if (request.config.file.empty() || !fs::exists(request.config.file.str())) return make_climatology(request);
  auto climatology = open_climatology(request.config.file.str());
  require_climatology_fits(*climatology, request);
  return climatology;
}

void require_climatology_fits(const Climatology& climatology, const ClimatologyRequest& request) {
  const auto& layout = request.store->layout();
  const std::string file = request.config.file.str(), hint = "pear climatology writes one for this store";
  const auto refuse = [&](const char* code, const std::string& what, const std::string& expected,
                          const std::string& found, const std::string& advice) {
    throw DataError(code, kWhere,
                    {.what = fmt::format("climatology.file {} {}", file, what),
                     .expected = expected,
                     .found = found,
                     .hint = advice});
  };
  if (climatology.grid() != layout.grid)
    refuse("GridMismatch", "and the store have different grids", layout.grid.spec() + " of the store",
           climatology.grid().spec() + " in the climatology", hint);
  for (const auto& v : layout.variables) {
    const auto& have = climatology.variables();
    const auto it = std::find_if(have.begin(), have.end(), [&](const auto& c) { return c.name == v.name; });
    if (it == have.end() || it->levels_hpa != v.levels_hpa) {
      if (!request.config.allow_other_store)
        refuse("ChannelMismatch", "and the store have different channels", levels_text(v) + " as in the store",
               it == have.end() ? "no " + v.name + " in the climatology" : levels_text(*it) + " in the climatology",
               hint);
    } else if (it->units != v.units) {
      refuse("UnitsMismatch", "and the store have different units", v.name + " in " + v.units, it->units, hint);
    }
  }
  const std::string made_from = climatology.definition().at("sha256").get<std::string>();
  if (made_from != request.store->fingerprint() && !request.config.allow_other_store)
    refuse("StoreMismatch", "was made from another store", "store " + request.store->fingerprint(),
           "climatology of store " + made_from, hint + "; climatology.allow_other_store=true accepts it");
  const std::string kind = climatology.definition().at("kind").get<std::string>();
  if (request.config.kind != "auto" && kind != request.config.kind)
    refuse("DefinitionMismatch", "is of another kind", "climatology.kind " + request.config.kind, kind,
           "leave climatology.kind out, or name another climatology.file");
  if (request.config.period.empty()) return;
  const auto times = request.config.period.times();
  const std::string asked = fmt::format("{} to {}", format_time(times.front()), format_time(times.back()));
  if (asked != period_text(climatology.definition()))
    refuse("DefinitionMismatch", "is of another period", "climatology.period " + asked,
           period_text(climatology.definition()), "leave climatology.period out, or name another climatology.file");
}

std::string overlap_warning(const json& definition, const std::vector<Time>& times, const std::string& name) {
  const auto& p = definition.at("period");
  const TimeRange range{parse_time(p.at("first").get<std::string>()), parse_time(p.at("last").get<std::string>())};
  const auto inside = std::count_if(times.begin(), times.end(), [&](Time t) { return range.contains(t); });
  if (inside == 0) return "";
  return fmt::format("climatology: {} of {} {} times lie in its period {}", inside, times.size(), name,
                     period_text(definition));
}

}  // namespace pear::forecast
