#include "forecast/ingest/source_index.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/progress.h"
#include "base/signals.h"
#include "forecast/ingest/source_files.h"
#include "io/variables.h"

namespace pear::forecast {
namespace {

double level_key(const io::FieldInfo& info) {
  return info.level.type == io::LevelType::Pressure ? info.level.value : 0;
}

std::string channel_text(const std::string& variable, double level_hpa) {
  return level_hpa > 0 ? fmt::format("{} at {} hPa", variable, level_hpa) : variable;
}

std::vector<double> levels_of(const io::StoreVariable& v) {
  return v.levels_hpa.empty() ? std::vector<double>{0} : v.levels_hpa;
}

}  // namespace

io::ReadOptions read_options(const IngestRequest& request) {
  return {.skip_bad = request.options.skip_bad,
          .allow_suspect_units = request.options.allow_suspect_units,
          .expver = request.options.expver};
}

std::vector<io::StoreVariable> store_variables(const IngestRequest& request) {
  if (request.variables.empty())
    throw ConfigError("MissingKey", "ingest", {.what = "data.variables is empty", .expected = "at least one variable"});
  std::vector<io::StoreVariable> surface, upper;
  for (const auto& name : request.variables) {
    const io::VariableEntry* entry = io::find_variable(name);
    if (entry == nullptr) {
      std::vector<std::string> known;
      for (const auto& row : io::variable_table()) known.push_back(row.name);
      throw ConfigError("UnknownVariable", "ingest",
                        {.what = "data.variables: unknown variable '" + name + "'",
                         .expected = fmt::format("one of {}", fmt::join(known, ", ")),
                         .found = name,
                         .hint = "a new variable is one row in configs/data/variables.yaml"});
    }
    if (entry->is_upper() && request.levels_hpa.empty())
      throw ConfigError("MissingKey", "ingest",
                        {.what = "data.levels_hpa is empty", .expected = "levels for the upper-air variable " + name});
    (entry->is_upper() ? upper : surface)
        .push_back({.name = name,
                    .units = entry->units,
                    .levels_hpa = entry->is_upper() ? request.levels_hpa : std::vector<double>{}});
  }
  surface.insert(surface.end(), upper.begin(), upper.end());
  return surface;
}

SourceIndex::SourceIndex(const IngestRequest& request, std::vector<io::StoreVariable> variables)
    : variables_(std::move(variables)), files_(expand_sources(request.sources)) {
  Progress progress("index", static_cast<int64_t>(files_.size()), "files");
  for (size_t i = 0; i < files_.size(); ++i) {
    if (stop_requested()) throw StoppedBySignal("stopped while indexing; nothing was written");
    add_file(i, request);
    progress.update(static_cast<int64_t>(i + 1));
  }
  progress.finish();
  check_complete();
}

void SourceIndex::add_file(size_t file, const IngestRequest& request) {
  const auto reader = io::open_fields(files_[file], read_options(request));
  const auto& fields = reader->fields();
  for (size_t f = 0; f < fields.size(); ++f) {
    const io::FieldInfo& info = fields[f];
    if (info.has_time && info.step() != request.options.step) continue;
    const double level = level_key(info);
    auto& levels = seen_[info.name];
    if (std::find(levels.begin(), levels.end(), level) == levels.end()) levels.push_back(level);
    // Files hold one grid object per field or per file; one per distinct grid is kept.
    auto& grid = grids_[info.grid->spec()];
    if (!grid || !(*grid == *info.grid)) grid = info.grid;
    add_field(info, {.file = file, .field = f, .grid = grid, .source = info.source});
  }
  for (const auto& problem : reader->problems())
    problems_.push_back(fmt::format("{}: {}", files_[file].string(), problem));
}

void SourceIndex::add_field(const io::FieldInfo& info, const FieldPlace& place) {
  const double level = level_key(info);
  const auto v = std::find_if(variables_.begin(), variables_.end(), [&](const auto& w) { return w.name == info.name; });
  if (v == variables_.end()) return;
  const auto wanted = levels_of(*v);
  if (std::find(wanted.begin(), wanted.end(), level) == wanted.end()) return;
  if (info.units != v->units)
    throw DataError("UnitsMismatch", "ingest",
                    {.what = fmt::format("{}: {}", info.source, channel_text(info.name, level)),
                     .expected = v->units,
                     .found = info.units});
  auto& fields = info.has_time ? dated_[info.valid_time] : static_;
  const auto [it, is_new] = fields.emplace(Key(info.name, level), place);
  if (!is_new)
    throw DataError("DuplicateField", "ingest",
                    {.what = fmt::format("two fields for {} of {}", channel_text(info.name, level),
                                         info.has_time ? format_time(info.valid_time) : "all dates"),
                     .expected = "one",
                     .found = it->second.source + " and " + place.source,
                     .hint = "narrow data.sources, or choose by ingest.step"});
}

void SourceIndex::check_complete() const {
  for (const auto& v : variables_) {
    const auto it = seen_.find(v.name);
    if (it == seen_.end()) {
      std::vector<std::string> names;
      for (const auto& entry : seen_) names.push_back(entry.first);
      throw DataError("MissingVariable", "ingest",
                      {.what = fmt::format("no field of {} in {} files", v.name, files_.size()),
                       .expected = v.name,
                       .found = names.empty() ? "no field at this step" : fmt::format("{}", fmt::join(names, ", ")),
                       .hint = "check data.sources, data.variables and ingest.step"});
    }
    for (const double level : levels_of(v))
      if (std::find(it->second.begin(), it->second.end(), level) == it->second.end())
        throw DataError("MissingLevel", "ingest",
                        {.what = fmt::format("no field of {} in {} files", channel_text(v.name, level), files_.size()),
                         .expected = level > 0 ? fmt::format("{} hPa", level) : "a field without pressure level",
                         .found = fmt::format("levels {} (0: none)", fmt::join(it->second, ", ")),
                         .hint = "leave the level out of data.levels_hpa, or add sources"});
  }
}

std::vector<std::string> SourceIndex::grid_specs() const {
  std::vector<std::string> specs;
  for (const auto& entry : grids_) specs.push_back(entry.first);
  return specs;
}

std::vector<Time> SourceIndex::times() const {
  std::vector<Time> times;
  for (const auto& entry : dated_) times.push_back(entry.first);
  return times;
}

const FieldPlace* SourceIndex::find(Time t, const std::string& variable, double level_hpa) const {
  const Key key(variable, level_hpa);
  if (const auto date = dated_.find(t); date != dated_.end())
    if (const auto it = date->second.find(key); it != date->second.end()) return &it->second;
  const auto it = static_.find(key);
  return it == static_.end() ? nullptr : &it->second;
}

std::string SourceIndex::missing_reason(Time t) const {
  const auto date = dated_.find(t);
  if (date == dated_.end()) return "no field of this date in the sources";
  std::vector<std::string> missing;
  for (const auto& v : variables_)
    for (const double level : levels_of(v))
      if (find(t, v.name, level) == nullptr) missing.push_back(channel_text(v.name, level));
  if (missing.empty()) return "";
  const size_t total = missing.size();
  missing.resize(std::min<size_t>(total, 4));
  return fmt::format("without {}{}; the date is in {}", fmt::join(missing, ", "),
                     total > 4 ? fmt::format(" and {} more", total - 4) : "", date->second.begin()->second.source);
}

}  // namespace pear::forecast
