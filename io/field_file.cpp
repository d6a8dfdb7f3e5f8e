#include "io/field_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>

#include "base/error.h"
#include "base/files.h"
#include "io/cf_output.h"
#include "io/netcdf_file.h"

namespace pear::io {
namespace {

/// All fields of one variable, as a table [time][member][level].
struct Table {
  std::string name, units;
  LevelType level_type = LevelType::Surface;
  ValueKind kind = ValueKind::Point;
  bool has_time = true;
  std::vector<std::pair<Time, Time>> times;  ///< (valid, initial), ascending
  std::vector<int> members;
  std::vector<Level> levels;
  std::map<std::tuple<Time, Time, int, Level>, const Field*> fields;
};

[[noreturn]] void refuse(const std::string& code, const std::filesystem::path& path, const Field& field,
                         const std::string& expected, const std::string& found) {
  throw DataError(code, "io.netcdf",
                  {.what = fmt::format("{}: {} at {}, {}", path.string(), field.name, to_string(field.level),
                                       field.has_time ? format_time(field.valid_time) : "static"),
                   .expected = expected,
                   .found = found});
}

template <class T>
void add_once(std::vector<T>& list, const T& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

void add(Table& table, const Field& f, const std::filesystem::path& path) {
  if (f.units != table.units) refuse("UnitsMismatch", path, f, table.units, f.units);
  if (f.level.type != table.level_type || f.has_time != table.has_time || f.kind != table.kind)
    refuse("DuplicateField", path, f, "one kind of level, time and value per variable", "two kinds");
  if (!table.fields.emplace(std::tuple(f.valid_time, f.init_time, f.member, f.level), &f).second)
    refuse("DuplicateField", path, f, "one field", "two");
  add_once(table.times, std::pair(f.valid_time, f.init_time));
  add_once(table.members, f.member);
  add_once(table.levels, f.level);
}

std::vector<Table> make_tables(const std::filesystem::path& path, const std::vector<Field>& fields) {
  std::vector<Table> tables;
  for (const Field& f : fields) {
    if (!f.grid || !(*f.grid == *fields.front().grid) || f.values.size() != f.grid->num_cells())
      refuse("GridMismatch", path, f, fields.front().grid->spec(), f.grid ? f.grid->spec() : "no grid");
    auto it = std::find_if(tables.begin(), tables.end(), [&](const Table& t) { return t.name == f.name; });
    if (it == tables.end())
      it = tables.insert(tables.end(), Table{.name = f.name,
                                             .units = f.units,
                                             .level_type = f.level.type,
                                             .kind = f.kind,
                                             .has_time = f.has_time,
                                             .times = {},
                                             .members = {},
                                             .levels = {},
                                             .fields = {}});
    add(*it, f, path);
  }
  for (Table& t : tables) {
    std::sort(t.times.begin(), t.times.end());
    std::sort(t.members.begin(), t.members.end());
    const size_t holes = t.times.size() * t.members.size() * t.levels.size() - t.fields.size();
    if (holes > 0)
      refuse("MissingTime", path, *t.fields.begin()->second,
             fmt::format("{} times x {} members x {} levels", t.times.size(), t.members.size(), t.levels.size()),
             fmt::format("{} of them are missing", holes));
    for (size_t i = 1; i < t.times.size(); ++i)
      if (t.times[i].first == t.times[i - 1].first)
        refuse("DuplicateField", path, *t.fields.begin()->second, "one initial time per valid time",
               "several forecasts for " + format_time(t.times[i].first));
  }
  return tables;
}

/// Dimensions that are shared by the variables with the same axis.
class Axes {
 public:
  explicit Axes(NetcdfFile& file) : file_(file), levels_(file) {}

  int time(const std::vector<std::pair<Time, Time>>& times, std::string& coordinates) {
    for (const auto& [known, dim, suffix] : times_)
      if (known == times) {
        coordinates = names(times, suffix);
        return dim;
      }
    const std::string suffix = times_.empty() ? "" : fmt::format("_{}", times_.size() + 1);
    const int dim = file_.define_dimension("time" + suffix, times_.empty() ? NC_UNLIMITED : times.size());
    std::vector<int64_t> valid, initial, period;
    for (const auto& [v, i] : times) {
      valid.push_back(v.seconds);
      initial.push_back(i.seconds);
      period.push_back((v - i).seconds);
    }
    put(define_time_variable(file_, "time" + suffix, "time", {dim}), valid);
    if (!names(times, suffix).empty()) {
      put(define_time_variable(file_, "forecast_reference_time" + suffix, "forecast_reference_time", {dim}), initial);
      const int id = file_.define_variable("forecast_period" + suffix, NC_INT64, {dim});
      file_.put_attribute(id, "standard_name", std::string("forecast_period"));
      file_.put_attribute(id, "units", std::string("seconds"));
      put(id, period);
    }
    times_.emplace_back(times, dim, suffix);
    coordinates = names(times, suffix);
    return dim;
  }

  int member(const std::vector<int>& members) {
    for (const auto& [known, dim] : members_)
      if (known == members) return dim;
    const std::string name = members_.empty() ? "number" : fmt::format("number_{}", members_.size() + 1);
    const int dim = file_.define_dimension(name, members.size());
    const int id = file_.define_variable(name, NC_INT, {dim});
    file_.put_attribute(id, "standard_name", std::string("realization"));
    file_.put_attribute(id, "units", std::string("1"));
    file_.write(id, {0}, {members.size()}, std::span<const int>(members));
    members_.emplace_back(members, dim);
    return dim;
  }

  int pressure(const std::vector<Level>& levels) {
    std::vector<double> hpa;
    for (const Level& l : levels) hpa.push_back(l.value);
    return levels_.dimension(hpa);
  }

 private:
  // Analyses need no reference time: it is the valid time.
  static std::string names(const std::vector<std::pair<Time, Time>>& times, const std::string& suffix) {
    const bool analyses = std::all_of(times.begin(), times.end(), [](const auto& t) { return t.first == t.second; });
    return analyses ? "" : fmt::format("forecast_reference_time{} forecast_period{}", suffix, suffix);
  }
  void put(int id, const std::vector<int64_t>& values) {
    file_.write(id, {0}, {values.size()}, std::span<const int64_t>(values));
  }

  NetcdfFile& file_;
  CfLevels levels_;
  std::vector<std::tuple<std::vector<std::pair<Time, Time>>, int, std::string>> times_;
  std::vector<std::pair<std::vector<int>, int>> members_;
};

/// A height above ground as a scalar coordinate, named as the variable's.
std::string put_height(NetcdfFile& file, const Table& table) {
  const std::string name = "height_" + table.name;
  const int id = file.define_variable(name, NC_DOUBLE, {});
  file.put_attribute(id, "standard_name", std::string("height"));
  file.put_attribute(id, "units", std::string("m"));
  file.put_attribute(id, "positive", std::string("up"));
  file.write(id, {}, {}, std::span<const double>(&table.levels.front().value, 1));
  return name;
}

void put_table(NetcdfFile& file, const Table& t, Axes& axes, const CfGrid& grid, const std::filesystem::path& path) {
  std::vector<int> dims;
  std::vector<size_t> count;
  std::string coordinates;
  if (t.has_time) dims.push_back(axes.time(t.times, coordinates));
  const bool members = t.members.size() > 1 || t.members.front() != 0;
  if (members) dims.push_back(axes.member(t.members));
  const bool leveled = t.level_type == LevelType::Pressure;
  if (leveled)
    dims.push_back(axes.pressure(t.levels));
  else if (t.levels.size() > 1)
    refuse("DuplicateField", path, *t.fields.begin()->second, "one level that is no pressure",
           fmt::format("{} levels", t.levels.size()));
  count.assign(dims.size(), 1);
  dims.insert(dims.end(), grid.dims.begin(), grid.dims.end());
  count.insert(count.end(), grid.shape.begin(), grid.shape.end());
  const std::string cells = t.kind == ValueKind::Mean ? "area: mean" : "area: point";
  const int id = define_data_variable(file, t.name, t.units, dims, grid, cells);
  file.define_chunking(id, count);
  if (t.level_type == LevelType::HeightAboveGround)
    coordinates += (coordinates.empty() ? "" : " ") + put_height(file, t);
  if (!coordinates.empty()) file.put_attribute(id, "coordinates", coordinates);
  for (const auto& [key, field] : t.fields) {
    const auto& [valid, initial, member, level] = key;
    std::vector<size_t> start;
    const auto position = [&](const auto& list, const auto& value) {
      start.push_back(static_cast<size_t>(std::find(list.begin(), list.end(), value) - list.begin()));
    };
    if (t.has_time) position(t.times, std::pair(valid, initial));
    if (members) position(t.members, member);
    if (leveled) position(t.levels, level);
    start.resize(dims.size(), 0);
    file.write(id, start, count, field->values.span());
  }
}

}  // namespace

void write_fields(const std::filesystem::path& path, const std::vector<Field>& fields,
                  const std::string& provenance_json, const std::string& title) {
  if (fields.empty() || !fields.front().grid)
    throw DataError("MissingVariable", "io.netcdf",
                    {.what = "nothing to write to " + path.string(), .expected = "at least one field on a grid"});
  const std::vector<Table> tables = make_tables(path, fields);
  check_cf_grid(*fields.front().grid);
  ensure_writable_directory(path.has_parent_path() ? path.parent_path() : ".");
  std::lock_guard<std::recursive_mutex> lock(netcdf_lock());
  AtomicFile atomic(path);
  try {
    NetcdfFile file = NetcdfFile::create(atomic.temporary());
    put_global_attributes(file, title, provenance_json);
    const CfGrid grid = put_cf_grid(file, *fields.front().grid);
    Axes axes(file);
    for (const Table& t : tables) put_table(file, t, axes, grid, path);
    file.close();
  } catch (const DataError& e) {
    if (e.code() != "NetcdfError") throw;
    throw DataError("WriteFailed", "io.netcdf",
                    {.what = "cannot write " + path.string(),
                     .expected = "room on the disk and a writable folder",
                     .found = fmt::format("{}; {} bytes are free", e.detail().found, free_space(path)),
                     .hint = "free some space or write elsewhere, then run it again"});
  }
  atomic.commit();
}

}  // namespace pear::io
