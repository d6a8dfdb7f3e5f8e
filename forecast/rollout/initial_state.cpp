#include "forecast/rollout/initial_state.h"

#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <set>

#include "base/error.h"
#include "io/reader.h"

namespace pear::forecast {
namespace {

constexpr double kLevelToleranceHpa = 1e-3;
constexpr const char* kWhere = "forecast.rollout";

bool same_level(double a, double b) { return std::abs(a - b) < kLevelToleranceHpa; }

[[noreturn]] void missing(const char* code, const std::string& what, const std::string& found) {
  throw DataError(code, kWhere, {.what = what, .expected = "every variable and level of the model", .found = found});
}

size_t find_variable(const io::StoreLayout& layout, const std::string& name) {
  std::string names;
  for (size_t v = 0; v < layout.variables.size(); ++v) {
    if (layout.variables[v].name == name) return v;
    names += (v ? ", " : "") + layout.variables[v].name;
  }
  missing("MissingVariable", "the store has no variable " + name, names);
}

std::vector<size_t> find_levels(const io::StoreVariable& variable, const std::vector<double>& levels) {
  std::vector<size_t> positions;
  for (const double level : levels) {
    const auto it = std::find_if(variable.levels_hpa.begin(), variable.levels_hpa.end(),
                                 [&](double x) { return same_level(x, level); });
    if (it == variable.levels_hpa.end())
      missing("MissingLevel", fmt::format("the store has no {} at {:g} hPa", variable.name, level),
              fmt::format("{} levels", variable.levels_hpa.size()));
    positions.push_back(static_cast<size_t>(it - variable.levels_hpa.begin()));
  }
  return positions;
}

/// The nearest times that are there, for the message.
std::string neighbours(const std::vector<Time>& times, Time t) {
  const auto next = std::lower_bound(times.begin(), times.end(), t);
  std::string text;
  if (next != times.begin()) text += format_time(*std::prev(next));
  if (next != times.end()) text += (text.empty() ? "" : " and ") + format_time(*next);
  return text.empty() ? "no time at all" : "nearest: " + text;
}

[[noreturn]] void wrong_grid(const std::string& source, const sphere::Grid& found, const sphere::Grid& expected,
                             const std::string& hint) {
  throw DataError("GridMismatch", kWhere,
                  {.what = "grid of " + source, .expected = expected.spec(), .found = found.spec(), .hint = hint});
}

}  // namespace

StoreStateReader::StoreStateReader(const io::Store& store, const StateLayout& layout) : store_(store), layout_(layout) {
  const io::StoreLayout& have = store.layout();
  if (!(have.grid == layout.grid))
    wrong_grid("the store", have.grid, layout.grid, "ingest the data on the model's grid");
  for (const auto& name : layout.surface) surface_.push_back({find_variable(have, name), {}});
  for (const auto& name : layout.upper) {
    const size_t v = find_variable(have, name);
    upper_.push_back({v, find_levels(have.variables[v], layout.levels_hpa)});
  }
}

size_t StoreStateReader::require(Time t) const {
  const auto index = store_.index_of(t);
  if (!index)
    throw DataError("MissingTime", kWhere,
                    {.what = "initial time " + format_time(t) + " is not in the store",
                     .found = neighbours(store_.times(), t),
                     .hint = "forecast.init must name times that were ingested"});
  return *index;
}

State StoreStateReader::read(Time t) const {
  const size_t index = require(t);
  const int64_t cells = layout_.grid.num_cells();
  State state;
  if (!surface_.empty()) {
    state.surface = torch::empty({1, layout_.num_surface(), cells}, torch::kFloat32);
    for (size_t v = 0; v < surface_.size(); ++v)
      store_.read(surface_[v].variable, index,
                  {state.surface.data_ptr<float>() + static_cast<int64_t>(v) * cells, static_cast<size_t>(cells)});
  }
  if (!upper_.empty()) {
    state.upper = torch::empty({1, layout_.num_upper(), layout_.num_levels(), cells}, torch::kFloat32);
    float* out = state.upper.data_ptr<float>();
    std::vector<float> slab;
    for (const Source& source : upper_) {
      slab.resize(static_cast<size_t>(store_.layout().variables[source.variable].num_levels() * cells));
      store_.read(source.variable, index, slab);
      for (const size_t level : source.levels) {
        std::memcpy(out, slab.data() + level * static_cast<size_t>(cells), static_cast<size_t>(cells) * sizeof(float));
        out += cells;
      }
    }
  }
  return state;
}

std::map<std::string, std::string> units_of(const io::Store& store) {
  std::map<std::string, std::string> units;
  for (const auto& v : store.layout().variables) units[v.name] = v.units;
  return units;
}

namespace {

constexpr size_t kTimesShown = 4;

std::string list_times(const std::set<Time>& times) {
  std::string text = fmt::format("{} valid times", times.size());
  size_t shown = 0;
  for (const Time t : times) {
    if (shown == kTimesShown) return text + ", ...";
    text += (shown++ == 0 ? ": " : ", ") + format_time(t);
  }
  return text;
}

/// The one valid time to start from.
Time choose_time(const std::vector<io::FieldInfo>& fields, const std::vector<Time>& wanted, const std::string& name) {
  std::set<Time> times;
  for (const auto& f : fields)
    if (f.has_time) times.insert(f.valid_time);
  if (wanted.size() == 1 && times.contains(wanted[0])) return wanted[0];
  if (wanted.empty() && times.size() == 1) return *times.begin();
  throw DataError("MissingTime", kWhere,
                  {.what = name + ": time to start from",
                   .expected = wanted.size() == 1  ? format_time(wanted[0])
                               : wanted.size() > 1 ? "one time in forecast.init"
                                                   : "one valid time in the file",
                   .found = wanted.size() > 1 ? fmt::format("{} times", wanted.size()) : list_times(times),
                   .hint = times.empty() ? "the fields of the file must have a time"
                                         : "name one time of the file as forecast.init"});
}

void read_into(io::FieldReader& reader, const std::string& name, std::optional<double> level, Time t,
               const StateLayout& layout, float* out) {
  const auto& fields = reader.fields();
  for (size_t i = 0; i < fields.size(); ++i) {
    const auto& f = fields[i];
    const bool pressure = f.level.type == io::LevelType::Pressure;
    if (f.name != name || f.valid_time != t || pressure != level.has_value()) continue;
    if (level && !same_level(f.level.value, *level)) continue;
    if (!(*f.grid == layout.grid))
      wrong_grid(f.source, *f.grid, layout.grid,
                 "pear regrid FILE OUT grid=" + layout.grid.spec() + " puts it on the model's grid");
    const io::Field field = reader.read(i);
    std::memcpy(out, field.values.data(), static_cast<size_t>(field.values.size()) * sizeof(float));
    return;
  }
  const bool there = std::any_of(fields.begin(), fields.end(), [&](const auto& f) {
    return f.name == name && (f.level.type == io::LevelType::Pressure) == level.has_value();
  });
  const std::string what = level ? fmt::format("{} at {:g} hPa", name, *level) : name;
  missing(there && level ? "MissingLevel" : "MissingVariable", "the initial file has no " + what,
          fmt::format("{} fields", fields.size()));
}

}  // namespace

Time state_file_time(const std::filesystem::path& path, const std::vector<Time>& wanted) {
  return choose_time(io::open_fields(path)->fields(), wanted, path.filename().string());
}

FileState read_state_file(const std::filesystem::path& path, const StateLayout& layout,
                          const std::vector<Time>& wanted) {
  const auto reader = io::open_fields(path);
  FileState out;
  out.valid = choose_time(reader->fields(), wanted, path.filename().string());
  for (const auto& f : reader->fields()) out.units[f.name] = f.units;
  const int64_t cells = layout.grid.num_cells();
  if (layout.num_surface() > 0) {
    out.state.surface = torch::empty({1, layout.num_surface(), cells}, torch::kFloat32);
    float* p = out.state.surface.data_ptr<float>();
    for (const auto& name : layout.surface) {
      read_into(*reader, name, std::nullopt, out.valid, layout, p);
      p += cells;
    }
  }
  if (layout.num_upper() > 0) {
    out.state.upper = torch::empty({1, layout.num_upper(), layout.num_levels(), cells}, torch::kFloat32);
    float* p = out.state.upper.data_ptr<float>();
    for (const auto& name : layout.upper)
      for (const double level : layout.levels_hpa) {
        read_into(*reader, name, level, out.valid, layout, p);
        p += cells;
      }
  }
  return out;
}

}  // namespace pear::forecast
