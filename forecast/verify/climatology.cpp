#include "forecast/verify/climatology.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/signals.h"
#include "forecast/verify/climatology_keys.h"
#include "forecast/verify/table_file.h"

namespace pear::forecast {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::string level_dim(size_t variable) { return fmt::format("level_{}", variable); }
size_t slab_size(const sphere::Grid& grid, const io::StoreVariable& v) {
  return static_cast<size_t>(v.num_levels() * grid.num_cells());
}

class ClimatologyFile : public Climatology {
 public:
  explicit ClimatologyFile(const fs::path& path) : path_(path), file_(TableFile::open(path)) {
    if (file_.attribute("pear_climatology").empty())
      throw DataError(
          "BadClimatology", "forecast.verify.climatology",
          {.what = path.string() + " is no climatology", .expected = "a file written by pear climatology or score"});
    try {
      read_head();
    } catch (const json::exception& e) {
      throw DataError("BadClimatology", "forecast.verify.climatology",
                      {.what = path.string() + " has a damaged head",
                       .found = e.what(),
                       .hint = "remove it: score makes it again"});
    }
  }
  const sphere::Grid& grid() const override { return grid_; }
  const std::vector<io::StoreVariable>& variables() const override { return variables_; }
  const json& definition() const override { return definition_; }
  void read(size_t variable, Time valid, std::span<float> out) const override {
    const auto& v = variables_.at(variable);
    if (out.size() != slab_size(grid_, v))
      throw ShapeError("SizeMismatch", "forecast.verify.climatology",
                       {.what = "buffer for " + v.name,
                        .expected = std::to_string(slab_size(grid_, v)),
                        .found = std::to_string(out.size())});
    const int64_t key = keys_.find(valid);
    if (key < 0 || samples_[static_cast<size_t>(key)] == 0)
      throw DataError(
          "MissingTime", "forecast.verify.climatology",
          {.what = fmt::format("{}: no mean for {}", path_.filename().string(), format_time(valid)),
           .expected = "samples at that hour and day in score.climatology.period",
           .hint = keys_.kind == ClimatologyKind::Custom ? "score.climatology.by_hour=false averages all hours"
                                                         : "use a longer period or kind custom"});
    const auto days = static_cast<size_t>(num_days(keys_.kind));
    const std::scoped_lock lock(mutex_);
    file_.get_slab(v.name, {static_cast<size_t>(key) / days, static_cast<size_t>(key) % days}, out);
  }

 private:
  void read_head() {
    definition_ = json::parse(file_.attribute("pear_climatology"));
    grid_ = sphere::Grid::from_spec(file_.attribute("pear_grid"));
    keys_.kind = climatology_kind_from(definition_.at("kind").get<std::string>());
    for (const double s : file_.get("second_of_day")) keys_.seconds_of_day.push_back(static_cast<int64_t>(s));
    samples_ = file_.get("samples");
    for (const auto& name : json::parse(file_.attribute("pear_variables"))) {
      io::StoreVariable v{name.get<std::string>(), file_.attribute("units", name.get<std::string>()), {}};
      const std::string dim = level_dim(variables_.size());
      if (file_.has(dim)) v.levels_hpa = file_.get(dim);
      variables_.push_back(v);
    }
  }

  fs::path path_;
  TableFile file_;
  mutable std::mutex mutex_;
  sphere::Grid grid_;
  std::vector<io::StoreVariable> variables_;
  json definition_;
  ClimatologyKeys keys_;
  std::vector<double> samples_;
};

/// Adds `weight` x values to a float64 sum, or replays what one mean consists of.
using Member = std::pair<size_t, double>;  // source index, weight
using ReadSlab = std::function<void(size_t variable, size_t index, std::span<float>)>;

struct MeanSource {
  std::vector<std::vector<Member>> members;  ///< per key
  ReadSlab read;
};

void define_file(TableFile& file, const io::StoreLayout& layout, const ClimatologyKeys& keys, const json& definition) {
  using Type = TableFile::Type;
  file.define_dim("hour", keys.seconds_of_day.size());
  file.define_dim("dayofyear", static_cast<size_t>(num_days(keys.kind)));
  file.define_dim("cell", static_cast<size_t>(layout.grid.num_cells()));
  file.define("second_of_day", Type::Int64, {"hour"}, {{"units", "s"}, {"long_name", "time of day, -1: all"}});
  file.define("samples", Type::Int64, {"hour", "dayofyear"}, {{"long_name", "number of times averaged"}});
  json names = json::array();
  for (size_t v = 0; v < layout.variables.size(); ++v) {
    std::vector<std::string> dims{"hour", "dayofyear"};
    if (!layout.variables[v].levels_hpa.empty()) {
      file.define_dim(level_dim(v), layout.variables[v].levels_hpa.size());
      file.define(level_dim(v), Type::Double, {level_dim(v)}, {{"units", "hPa"}, {"standard_name", "air_pressure"}});
      dims.push_back(level_dim(v));
    }
    dims.push_back("cell");
    file.define(layout.variables[v].name, Type::Float, dims,
                {{"units", layout.variables[v].units}, {"cell_methods", "time: mean over years"}});
    names.push_back(layout.variables[v].name);
  }
  file.set_attribute("title", "climatology");
  file.set_attribute("pear_grid", layout.grid.spec());
  file.set_attribute("pear_variables", names.dump());
  file.set_attribute("pear_climatology", definition.dump());
}

void write_means(TableFile& file, const io::StoreLayout& layout, size_t days, const MeanSource& source,
                 const std::string& title) {
  Progress progress(title, static_cast<int64_t>(source.members.size() * layout.variables.size()));
  int64_t done = 0;
  std::vector<double> sum;
  std::vector<float> slab;
  for (size_t v = 0; v < layout.variables.size(); ++v) {
    const size_t size = slab_size(layout.grid, layout.variables[v]);
    slab.resize(size);
    for (size_t key = 0; key < source.members.size(); ++key) {
      if (stop_requested()) throw StoppedBySignal("climatology stopped by a signal; run again to start it over");
      progress.update(++done);
      if (source.members[key].empty()) continue;
      sum.assign(size, 0.0);
      double weight = 0;
      for (const auto& [index, w] : source.members[key]) {
        source.read(v, index, slab);
        for (size_t i = 0; i < size; ++i) sum[i] += w * static_cast<double>(slab[i]);
        weight += w;
      }
      for (size_t i = 0; i < size; ++i) slab[i] = static_cast<float>(sum[i] / weight);
      file.put_slab(layout.variables[v].name, {key / days, key % days}, slab);
    }
  }
  progress.finish();
}

void write_climatology(const fs::path& path, const io::StoreLayout& layout, const ClimatologyKeys& keys,
                       const json& definition, const MeanSource& source, const std::string& title) {
  AtomicFile atomic(path);
  TableFile file = TableFile::create(atomic.temporary());
  define_file(file, layout, keys, definition);
  std::vector<int64_t> samples;
  for (const auto& m : source.members) samples.push_back(static_cast<int64_t>(m.size()));
  file.put("second_of_day", keys.seconds_of_day);
  file.put("samples", samples);
  for (size_t v = 0; v < layout.variables.size(); ++v)
    if (!layout.variables[v].levels_hpa.empty()) file.put(level_dim(v), layout.variables[v].levels_hpa);
  write_means(file, layout, static_cast<size_t>(num_days(keys.kind)), source, title);
  file.close();
  atomic.commit();
}

/// Replaces the members of every day by those of the days around it, with the window's weights.
MeanSource windowed(const Climatology& daily, const ClimatologyKeys& keys, const MeanSource& unsmoothed) {
  const auto window = wb2_window();
  const auto half = static_cast<int64_t>(window.size() / 2);
  const int64_t days = num_days(keys.kind);
  MeanSource smooth;
  for (int64_t key = 0; key < static_cast<int64_t>(keys.members.size()); ++key) {
    auto& members = smooth.members.emplace_back();
    for (int64_t d = -half; d <= half; ++d) {
      const double w = window[static_cast<size_t>(d + half)];
      const int64_t other = key / days * days + ((key % days + d) % days + days) % days;
      // A daily mean of n samples counts n times: the mean is over (window, year).
      const auto n = static_cast<double>(unsmoothed.members[static_cast<size_t>(other)].size());
      if (w > 0 && n > 0) members.emplace_back(static_cast<size_t>(other), w * n);
    }
  }
  smooth.read = [&daily, &keys, days](size_t variable, size_t index, std::span<float> out) {
    // Any moment of that day and hour in a leap year finds the slab again.
    const int64_t second = keys.seconds_of_day[index / static_cast<size_t>(days)];
    const Time first = time_from_civil({.year = 2000});
    daily.read(variable, first + Duration{static_cast<int64_t>(index % static_cast<size_t>(days)) * 86400 + second},
               out);
  };
  return smooth;
}

json make_definition(const io::Store& store, const ClimatologyConfig& config, const ClimatologyKeys& keys,
                     const std::vector<Time>& times) {
  std::string all;
  for (const Time t : times) all += format_time(t) + "\n";
  json hours = json::array();
  for (const int64_t s : keys.seconds_of_day)
    hours.push_back(s < 0 ? json("all") : json(static_cast<double>(s) / 3600));
  json d{{"kind", config.kind},
         {"version", 1},
         {"period",
          {{"first", format_time(times.front())},
           {"last", format_time(times.back())},
           {"count", times.size()},
           {"sha256", sha256_hex(all)}}},
         {"hours", hours},
         {"window_days", keys.kind == ClimatologyKind::Wb2 ? 61 : 1},
         {"grid", store.layout().grid.spec()},
         {"sha256", store.fingerprint()}};
  return d;
}

void refuse_sparse(const ClimatologyKeys& keys, const ClimatologyConfig& config, size_t missing_times) {
  if (config.allow_sparse || keys.kind == ClimatologyKind::Custom) return;
  constexpr size_t kLeapDay = 59;  // 29 February: absent from a period without leap years
  const auto days = static_cast<size_t>(num_days(keys.kind));
  size_t empty = 0;
  for (size_t k = 0; k < keys.members.size(); ++k)
    if (keys.members[k].empty() && !(keys.kind == ClimatologyKind::Pear && k % days == kLeapDay)) ++empty;
  if (empty == 0 && missing_times == 0) return;
  throw DataError("MissingTime", "forecast.verify.climatology",
                  {.what = fmt::format("climatology '{}': {} of {} (hour, day) means have no sample, {} times of the "
                                       "period are missing in the store",
                                       config.kind, empty, keys.members.size(), missing_times),
                   .expected = "a complete archive",
                   .hint = "score.climatology.allow_sparse=true accepts it; kind custom suits short periods"});
}

}  // namespace

size_t Climatology::variable_index(const std::string& name) const {
  std::string names;
  for (size_t v = 0; v < variables().size(); ++v) {
    if (variables()[v].name == name) return v;
    names += (v ? ", " : "") + variables()[v].name;
  }
  throw DataError("MissingVariable", "forecast.verify.climatology",
                  {.what = "the climatology has no variable " + name, .expected = name, .found = names});
}

std::shared_ptr<const Climatology> open_climatology(const fs::path& file) {
  return std::make_shared<ClimatologyFile>(file);
}

std::shared_ptr<const Climatology> make_climatology(const io::Store& store, const ClimatologyConfig& config,
                                                    const TimeSelection& period, const fs::path& file) {
  const auto kind = climatology_kind_from(config.kind);
  std::vector<Time> times;
  std::vector<size_t> positions;
  size_t missing = 0;
  for (const Time t : period.times()) {
    const auto position = store.index_of(t);
    if (!position) {
      ++missing;
      continue;
    }
    times.push_back(t);
    positions.push_back(*position);
  }
  if (times.empty())
    throw DataError("MissingTime", "forecast.verify.climatology",
                    {.what = "no time of score.climatology.period (or data.train) is in the store",
                     .hint = "the period must lie inside the store and use its spacing"});
  const ClimatologyKeys keys = make_climatology_keys(kind, config.by_hour, times);
  refuse_sparse(keys, config, missing);
  const json definition = make_definition(store, config, keys, times);
  if (fs::exists(file)) {
    const auto existing = open_climatology(file);
    if (existing->definition() == definition) return existing;
    log_info("{}: other definition, computed again", file.filename().string());
  }
  if (file.has_parent_path()) fs::create_directories(file.parent_path());

  MeanSource source;
  for (const auto& members : keys.members) {
    auto& list = source.members.emplace_back();
    for (const size_t i : members) list.emplace_back(positions[i], 1.0);
  }
  source.read = [&store](size_t variable, size_t index, std::span<float> out) { store.read(variable, index, out); };
  if (kind != ClimatologyKind::Wb2) {
    write_climatology(file, store.layout(), keys, definition, source, "climatology");
    return open_climatology(file);
  }
  const fs::path daily_file = file.string() + ".daily";
  write_climatology(daily_file, store.layout(), keys, definition, source, "climatology: daily means");
  {
    const auto daily = open_climatology(daily_file);
    write_climatology(file, store.layout(), keys, definition, windowed(*daily, keys, source), "climatology: window");
  }
  fs::remove(daily_file);
  return open_climatology(file);
}

}  // namespace pear::forecast
