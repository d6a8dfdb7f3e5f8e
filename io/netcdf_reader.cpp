#include "io/netcdf_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "base/error.h"
#include "io/canonical.h"
#include "io/netcdf_axes.h"
#include "io/netcdf_file.h"
#include "io/netcdf_grid.h"
#include "io/netcdf_time.h"
#include "io/netcdf_unpack.h"
#include "io/units_check.h"

namespace pear::io {

namespace {

constexpr double kMaxFields = 1e7;

/// One data variable: its axes and how to read a slice of it.
struct DataVariable {
  NetcdfVariable nc;
  Packing packing;
  std::vector<Axis> axes;  ///< of each dimension
  NetcdfGrid grid;
  const VariableEntry* variable = nullptr;
  std::string units;
};

struct Entry {
  size_t variable;            ///< in variables_
  std::vector<size_t> start;  ///< position on each dimension; grid and expver dimensions 0
};

class NetcdfReader : public FieldReader {
 public:
  NetcdfReader(const std::filesystem::path& path, const ReadOptions& options)
      : file_(NetcdfFile::open(path)), options_(options) {
    const auto dims = file_.dimensions();
    for (const auto& d : dims) {
      const auto v = file_.find_variable(d.name);
      const bool is_coordinate = v && v->shape.size() == 1;
      dim_axis_.push_back(axis_of(file_, d.name, is_coordinate ? &*v : nullptr));
    }
    for (const auto& v : file_.variables())
      if (v.shape.empty() || (v.shape.size() == 1 && v.type != NC_CHAR)) coordinates_.push_back(v);
    for (const auto& v : file_.variables()) add_variable(v);
    note_experiment_versions();
  }

  const std::vector<FieldInfo>& fields() const override { return infos_; }
  std::string format() const override { return file_.format().starts_with("netcdf4") ? "netcdf4" : "netcdf3"; }
  std::vector<std::string> problems() const override { return problems_; }

  Field read(size_t index) override {
    const Entry& e = entries_.at(index);
    const DataVariable& d = variables_[e.variable];
    Field field;
    static_cast<FieldInfo&>(field) = infos_[index];
    Conversion convert;
    if (d.variable) convert = canonical_conversion(*d.variable, d.units, options_.allow_suspect_units, field.source);
    std::vector<double> stored = read_slice(d, e.start, field.source);
    std::vector<float> values(stored.size());
    for (size_t i = 0; i < stored.size(); ++i)
      values[i] = static_cast<float>(convert.is_identity() ? stored[i] : convert(stored[i]));
    field.values = Array<float>({field.grid->num_cells()});
    if (d.grid.latlon)
      reorder(*d.grid.latlon, values, d.grid.row_stride, d.grid.col_stride, field.values.span(), field.source);
    else
      std::copy(values.begin(), values.end(), field.values.data());
    if (d.variable && !options_.allow_suspect_units) {
      check_plausible(*d.variable, field, field.values.span());
      if (const auto judge = is_column_judged_ ? std::nullopt : field_that_judges(infos_, index)) {
        read(*judge);
        is_column_judged_ = true;
      }
    }
    return field;
  }

 private:
  std::string place(const NetcdfVariable& v) const {
    return fmt::format("{}, variable {}", file_.path().string(), v.name);
  }

  /// Coordinate of an axis for a variable: on one of its dimensions, or a scalar of the file.
  struct Coordinate {
    const NetcdfVariable* nc = nullptr;
    std::optional<size_t> dim;  ///< position among the variable's dimensions
  };
  Coordinate find_coordinate(const DataVariable& d, Axis axis) const {
    Coordinate best;
    for (const auto& c : coordinates_) {
      if (axis_of(file_, c.name, &c) != axis) continue;
      if (c.shape.empty()) {
        if (best.nc == nullptr) best = {&c, std::nullopt};
        continue;
      }
      for (size_t i = 0; i < d.nc.dim_ids.size(); ++i)
        if (d.nc.dim_ids[i] == c.dim_ids[0] && (best.nc == nullptr || !best.dim)) best = {&c, i};
    }
    return best;
  }

  std::vector<double> numbers(const NetcdfVariable& v) const { return read_unpacked(file_, v, packing_of(file_, v)); }

  std::vector<Time> times(const NetcdfVariable& v) const {
    return times_from_cf(numbers(v), file_.text_attribute(v.id, "units").value_or(""),
                         file_.text_attribute(v.id, "calendar").value_or(""), place(v));
  }

  std::vector<Duration> leads(const NetcdfVariable& v) const {
    const std::string units = file_.text_attribute(v.id, "units").value_or("hours");
    const auto seconds = seconds_of_unit(units);
    if (!seconds)
      throw DataError("UnitsMismatch", "io.netcdf",
                      {.what = place(v), .expected = "hours, days, minutes or seconds", .found = "'" + units + "'"});
    std::vector<Duration> all;
    for (double x : numbers(v)) {
      if (!(std::abs(x) * static_cast<double>(*seconds) < 1e15))
        throw DataError("UnitsMismatch", "io.netcdf", {.what = place(v) + ": a lead", .found = fmt::format("{}", x)});
      all.push_back({std::llround(x * static_cast<double>(*seconds))});
    }
    return all;
  }

  void add_variable(const NetcdfVariable& nc) {
    if (nc.type == NC_CHAR || nc.type >= NC_STRING || nc.shape.empty() || nc.size() == 0) return;
    DataVariable d;
    d.nc = nc;
    for (int id : nc.dim_ids) d.axes.push_back(dim_axis_[static_cast<size_t>(id)]);
    auto grid = netcdf_grid(file_, nc, d.axes);
    if (!grid) return;
    d.grid = std::move(*grid);
    d.packing = packing_of(file_, nc);
    d.units = file_.text_attribute(nc.id, "units").value_or("");
    variables_.push_back(std::move(d));
    add_fields(variables_.size() - 1);
  }

  /// Everything about the fields of one variable that does not change from slice to slice.
  struct Common {
    Coordinate level, time, init, lead, member;
    std::vector<double> levels, members;
    std::vector<Time> times, inits;
    std::vector<Duration> leads;
    FieldInfo info;
  };

  Common common(DataVariable& d) {
    Common c;
    c.level = find_coordinate(d, Axis::Level);
    if (c.level.nc && !c.level.dim && !conversion(file_.text_attribute(c.level.nc->id, "units").value_or(""), "hPa"))
      c.level.nc = nullptr;  // a scalar without pressure units says nothing
    if (c.level.nc) c.levels = levels_hpa(file_, *c.level.nc);
    set_identity(d, c);
    c.time = find_coordinate(d, Axis::Time);
    if (c.time.nc && !is_time_units(file_.text_attribute(c.time.nc->id, "units").value_or(""))) {
      problems_.push_back(place(*c.time.nc) + ": no '<unit> since <date>', the fields have no time");
      c.time.nc = nullptr;
    }
    if (c.time.nc) c.times = times(*c.time.nc);
    c.init = find_coordinate(d, Axis::InitTime);
    if (c.init.nc) c.inits = times(*c.init.nc);
    c.lead = find_coordinate(d, Axis::Lead);
    if (c.lead.nc) c.leads = leads(*c.lead.nc);
    c.member = find_coordinate(d, Axis::Member);
    if (c.member.nc) c.members = numbers(*c.member.nc);
    c.info.has_time = c.time.nc != nullptr || c.init.nc != nullptr;
    const std::string methods = file_.text_attribute(d.nc.id, "cell_methods").value_or("");
    c.info.kind = methods.find("time: mean") != std::string::npos ? ValueKind::Mean : ValueKind::Point;
    return c;
  }

  /// Name, units and, for surface variables and channels such as `z500`, the level.
  void set_identity(DataVariable& d, Common& c) {
    const bool on_levels = c.level.nc != nullptr;
    d.variable = find_spelling(d.nc.name, on_levels);
    if (!d.variable)
      if (const auto channel = find_channel(d.nc.name)) {
        d.variable = channel->variable;
        c.info.level = channel->level;
        if (channel->variable->is_upper()) c.level.nc = nullptr;
      }
    if (!d.variable) {
      const std::string standard = file_.text_attribute(d.nc.id, "standard_name").value_or("");
      for (const VariableEntry& e : variable_table())
        if (!standard.empty() && e.standard_name == standard && e.is_upper() && on_levels) d.variable = &e;
    }
    // An upper-air name without any level is a field of its own kind (a climatology, a surface value): left alone.
    if (d.variable && d.variable->is_upper() && !on_levels && c.info.level.type != LevelType::Pressure)
      d.variable = nullptr;
    c.info.name = d.variable ? d.variable->name : d.nc.name;
    c.info.units = d.variable ? d.variable->units : normalise_units(d.units);
    if (d.variable && !d.variable->is_upper()) {
      c.info.level = d.variable->level;
      if (!c.level.dim) c.level.nc = nullptr;
    }
    c.info.grid = d.grid.grid;
  }

  void add_fields(size_t index) {
    DataVariable& d = variables_[index];
    const Common c = common(d);
    const size_t rank = d.axes.size();
    std::vector<size_t> counts(rank), position(rank, 0);
    for (size_t i = 0; i < rank; ++i)
      counts[i] = d.grid.dims.contains(i) || d.axes[i] == Axis::Expver ? 1 : d.nc.shape[i];
    double total = 1;
    for (size_t n : counts) total *= static_cast<double>(n);
    if (total > kMaxFields)
      throw DataError("NetcdfError", "io.netcdf",
                      {.what = place(d.nc),
                       .expected = fmt::format("at most {} fields", kMaxFields),
                       .found = fmt::format("{}", total),
                       .hint = "the file is probably damaged"});
    while (true) {
      infos_.push_back(describe(d, c, position));
      entries_.push_back({index, position});
      size_t i = rank;
      while (i > 0 && ++position[i - 1] == counts[i - 1]) position[--i] = 0;
      if (i == 0) break;
    }
  }

  FieldInfo describe(const DataVariable& d, const Common& c, const std::vector<size_t>& position) const {
    FieldInfo info = c.info;
    const auto at = [&](const Coordinate& k) { return k.dim ? position[*k.dim] : size_t{0}; };
    if (c.level.nc) info.level = {LevelType::Pressure, c.levels[at(c.level)]};
    const Time time = c.time.nc ? c.times[at(c.time)] : Time{};
    const Duration lead = c.lead.nc ? c.leads[at(c.lead)] : Duration{};
    if (c.init.nc) {
      info.init_time = c.inits[at(c.init)];
      info.valid_time = c.time.nc ? time : info.init_time + lead;
    } else {  // WeatherBench 2: with leads, `time` is the start of the forecast
      info.init_time = time;
      info.valid_time = time + lead;
    }
    if (c.member.nc)
      if (const double member = c.members[at(c.member)]; std::abs(member) < 1e9) info.member = static_cast<int>(member);
    info.source = place(d.nc) + " " + index_text(position);
    return info;
  }

  static std::string index_text(const std::vector<size_t>& position) {
    std::string text = "[";
    for (size_t i = 0; i < position.size(); ++i) text += (i ? "," : "") + std::to_string(position[i]);
    return text + "]";
  }

  std::vector<double> read_slice(const DataVariable& d, std::vector<size_t> start, const std::string& where) {
    std::vector<size_t> count(start.size(), 1);
    for (size_t i : d.grid.dims) count[i] = d.nc.shape[i];
    const auto expver = std::find(d.axes.begin(), d.axes.end(), Axis::Expver);
    if (expver == d.axes.end()) return read_unpacked(file_, d.nc, d.packing, start, count);
    const auto dim = static_cast<size_t>(expver - d.axes.begin());
    std::vector<double> values;
    for (const size_t k : versions_in_order(d.nc.dim_ids[dim])) {
      start[dim] = k;
      const std::vector<double> other = read_unpacked(file_, d.nc, d.packing, start, count);
      if (values.empty())
        values = other;
      else
        merge_version(values, other, where);
    }
    return values;
  }

  /// Positions on a dimension of experiment versions: ERA5 (1) comes before preliminary data (5), however stored.
  std::vector<size_t> versions_in_order(int dim_id) const {
    const NetcdfDimension dim = file_.dimension(dim_id);
    std::vector<size_t> order(dim.length);
    std::iota(order.begin(), order.end(), size_t{0});
    const auto v = file_.find_variable(dim.name);
    if (!v || v->shape.size() != 1 || v->type == NC_STRING || v->type == NC_CHAR) return order;
    const std::vector<double> version = numbers(*v);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return version[a] < version[b]; });
    return order;
  }

  /// Fills the holes of `values` from `other`; both present and different is an error unless merging was asked for.
  void merge_version(std::vector<double>& values, const std::vector<double>& other, const std::string& where) const {
    for (size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(values[i])) {
        values[i] = other[i];
      } else if (!std::isnan(other[i]) && other[i] != values[i] && options_.expver != "merge") {
        throw DataError("DuplicateField", "io.netcdf",
                        {.what = where + ": final and preliminary data for the same time",
                         .expected = "one of them",
                         .found = fmt::format("{} and {} at index {}", values[i], other[i], i),
                         .hint = "download again, or take the final data with expver=merge"});
      }
    }
  }

  void note_experiment_versions() {
    for (const auto& v : coordinates_) {
      if (v.name != "expver" || v.type != NC_STRING) continue;
      std::map<std::string, size_t> counts;
      for (const auto& text : file_.read_strings(v)) ++counts[text];
      if (counts.size() < 2) continue;
      std::string line = file_.path().string() + ": times of several experiment versions:";
      for (const auto& [version, n] : counts) line += fmt::format(" {} x {}", n, version);
      problems_.push_back(line);
    }
  }

  NetcdfFile file_;
  ReadOptions options_;
  std::vector<Axis> dim_axis_;
  std::vector<NetcdfVariable> coordinates_;
  std::vector<DataVariable> variables_;
  std::vector<FieldInfo> infos_;
  std::vector<Entry> entries_;
  std::vector<std::string> problems_;
  bool is_column_judged_ = false;  ///< z of one time stands for the file
};

}  // namespace

std::unique_ptr<FieldReader> open_netcdf(const std::filesystem::path& path, const ReadOptions& options) {
  check_netcdf_complete(path);
  const std::lock_guard lock(netcdf_lock());
  return std::make_unique<NetcdfReader>(path, options);
}

}  // namespace pear::io
