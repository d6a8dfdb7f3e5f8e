#include "forecast/verify/climatology_file.h"

#include <fmt/format.h>

#include <mutex>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "base/signals.h"
#include "forecast/verify/annual_harmonics.h"
#include "forecast/verify/climatology.h"
#include "forecast/verify/table_file.h"

namespace pear::forecast {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::string level_dim(size_t variable) { return fmt::format("level_{}", variable); }
size_t slab_size(const sphere::Grid& grid, const io::StoreVariable& v) {
  return static_cast<size_t>(v.num_levels() * grid.num_cells());
}
std::string row_dim(const ClimatologyKeys& keys) {
  return keys.kind == ClimatologyKind::Harmonics ? "coefficient" : "dayofyear";
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
                       .hint = "remove it: pear climatology or score makes it again"});
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
    const size_t key = key_of(valid);
    const std::scoped_lock lock(mutex_);
    if (keys_.kind == ClimatologyKind::Harmonics) return add_waves(v, key, valid, out);
    const auto days = static_cast<size_t>(num_days(keys_.kind));
    file_.get_slab(v.name, {key / days, key % days}, out);
  }

 private:
  void read_head() {
    definition_ = json::parse(file_.attribute("pear_climatology"));
    grid_ = sphere::Grid::from_spec(file_.attribute("pear_grid"));
    keys_.kind = climatology_kind_from(definition_.at("kind").get<std::string>());
    num_harmonics_ = definition_.value("num_harmonics", int64_t{0});
    for (const double s : file_.get("second_of_day")) keys_.seconds_of_day.push_back(static_cast<int64_t>(s));
    samples_ = file_.get("samples");
    for (const auto& name : json::parse(file_.attribute("pear_variables"))) {
      io::StoreVariable v{name.get<std::string>(), file_.attribute("units", name.get<std::string>()), {}};
      const std::string dim = level_dim(variables_.size());
      if (file_.has(dim)) v.levels_hpa = file_.get(dim);
      variables_.push_back(v);
    }
  }
  size_t key_of(Time valid) const {
    const int64_t key = keys_.find(valid);
    if (key >= 0 && samples_[static_cast<size_t>(key)] > 0) return static_cast<size_t>(key);
    const bool published = keys_.kind == ClimatologyKind::Pear || keys_.kind == ClimatologyKind::Wb2;
    throw DataError("MissingTime", "forecast.verify.climatology",
                    {.what = fmt::format("{}: no mean for {}", path_.filename().string(), format_time(valid)),
                     .expected = "samples at that hour and day in climatology.period",
                     .hint = published ? "use a longer period or another climatology.kind"
                                       : "climatology.by_hour=false averages all hours"});
  }
  void add_waves(const io::StoreVariable& v, size_t hour, Time valid, std::span<float> out) const {
    const auto basis = annual_basis(valid, num_harmonics_);
    std::vector<float> coefficient(out.size());
    std::vector<double> sum(out.size(), 0.0);
    for (size_t k = 0; k < basis.size(); ++k) {
      file_.get_slab(v.name, {hour, k}, coefficient);
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += basis[k] * static_cast<double>(coefficient[i]);
    }
    for (size_t i = 0; i < sum.size(); ++i) out[i] = static_cast<float>(sum[i]);
  }

  fs::path path_;
  TableFile file_;
  mutable std::mutex mutex_;
  sphere::Grid grid_;
  std::vector<io::StoreVariable> variables_;
  json definition_;
  ClimatologyKeys keys_;
  int64_t num_harmonics_ = 0;
  std::vector<double> samples_;
};

void define_axes(TableFile& file, const ClimatologyContent& content) {
  using Type = TableFile::Type;
  const std::string row = row_dim(content.keys);
  file.define_dim("hour", content.keys.seconds_of_day.size());
  file.define_dim(row, num_rows(content.keys, content.definition));
  file.define_dim("cell", static_cast<size_t>(content.layout.grid.num_cells()));
  file.define("second_of_day", Type::Int64, {"hour"}, {{"units", "s"}, {"long_name", "time of day, -1: all"}});
  const bool waves = content.keys.kind == ClimatologyKind::Harmonics;
  if (waves)
    file.define("coefficient_name", Type::String, {row}, {{"long_name", "factor of the coefficient"}});
  else
    file.define(row, Type::Int64, {row}, {{"units", "1"}, {"long_name", "day of the year"}});
  const std::vector<std::string> dims =
      waves ? std::vector<std::string>{"hour"} : std::vector{std::string("hour"), row};
  file.define("samples", Type::Int64, dims, {{"long_name", "number of times averaged"}});
  file.define("lat", Type::Double, {"cell"}, {{"units", "degrees_north"}, {"standard_name", "latitude"}});
  file.define("lon", Type::Double, {"cell"}, {{"units", "degrees_east"}, {"standard_name", "longitude"}});
}

void define_variables(TableFile& file, const ClimatologyContent& content) {
  using Type = TableFile::Type;
  json names = json::array();
  for (size_t v = 0; v < content.layout.variables.size(); ++v) {
    const auto& variable = content.layout.variables[v];
    std::vector<std::string> dims{"hour", row_dim(content.keys)};
    if (!variable.levels_hpa.empty()) {
      file.define_dim(level_dim(v), variable.levels_hpa.size());
      file.define(level_dim(v), Type::Double, {level_dim(v)}, {{"units", "hPa"}, {"standard_name", "air_pressure"}});
      dims.push_back(level_dim(v));
    }
    dims.push_back("cell");
    TextAttributes attributes{{"units", variable.units}, {"coordinates", "lat lon"}};
    if (content.keys.kind != ClimatologyKind::Harmonics) attributes["cell_methods"] = "time: mean";
    file.define(variable.name, Type::Float, dims, attributes);
    names.push_back(variable.name);
  }
  file.set_attribute("Conventions", "CF-1.13");
  file.set_attribute("title", "climatology of " + content.layout.source + " (" + content.layout.kind + ")");
  file.set_attribute("pear_grid", content.layout.grid.spec());
  file.set_attribute("pear_variables", names.dump());
  file.set_attribute("pear_climatology", content.definition.dump());
  file.set_attribute("pear_provenance", content.provenance.dump());
}

std::vector<std::string> coefficient_names(size_t count) {
  std::vector<std::string> names{"1"};
  for (size_t k = 1; k < count; ++k)
    names.push_back(fmt::format("{}({} pi f)", k % 2 == 1 ? "cos" : "sin", 2 * ((k + 1) / 2)));
  return names;
}

void write_axes(TableFile& file, const ClimatologyContent& content) {
  const size_t rows = num_rows(content.keys, content.definition);
  if (content.keys.kind == ClimatologyKind::Harmonics) {
    file.put("coefficient_name", coefficient_names(rows));
  } else {
    std::vector<int64_t> days(rows);
    std::iota(days.begin(), days.end(), 1);
    file.put("dayofyear", days);
  }
  const size_t samples_per_hour = content.keys.kind == ClimatologyKind::Harmonics ? 1 : rows;
  std::vector<int64_t> samples(content.keys.seconds_of_day.size() * samples_per_hour, 0);
  for (const auto& group : content.sums) samples[group.hour * samples_per_hour + group.first] = group.num_samples;
  file.put("samples", samples);
  file.put("second_of_day", content.keys.seconds_of_day);
  const auto centres = content.layout.grid.centres();
  file.put("lat", centres.lat_deg);
  file.put("lon", centres.lon_deg);
  for (size_t v = 0; v < content.layout.variables.size(); ++v)
    if (!content.layout.variables[v].levels_hpa.empty()) file.put(level_dim(v), content.layout.variables[v].levels_hpa);
}

/// One group of results of one variable, from the fields to the file.
class GroupWriter {
 public:
  GroupWriter(TableFile& file, const ClimatologyContent& content, const std::string& title)
      : file_(file), content_(content), progress_(title, total(content)) {}

  void write(size_t v, const WeightedSums& group) {
    const auto& variable = content_.layout.variables[v];
    slab_.resize(slab_size(content_.layout.grid, variable));
    sums_.assign(group.weights.size(), std::vector<double>(slab_.size(), 0.0));
    for (size_t s = 0; s < group.sources.size(); ++s) {
      if (stop_requested()) throw StoppedBySignal("climatology stopped by a signal; run again to start it over");
      content_.read(v, group.sources[s], slab_);
      for (size_t k = 0; k < sums_.size(); ++k)
        for (size_t i = 0; i < slab_.size(); ++i) sums_[k][i] += group.weights[k][s] * static_cast<double>(slab_[i]);
      progress_.update(++done_);
    }
    for (size_t k = 0; k < sums_.size(); ++k) {
      const double weight = std::accumulate(group.weights[k].begin(), group.weights[k].end(), 0.0);
      const double divisor = group.is_mean ? weight : 1.0;
      for (size_t i = 0; i < slab_.size(); ++i) slab_[i] = static_cast<float>(sums_[k][i] / divisor);
      file_.put_slab(variable.name, {group.hour, group.first + k}, slab_);
    }
  }
  void finish() { progress_.finish(); }

 private:
  static int64_t total(const ClimatologyContent& content) {
    size_t reads = 0;
    for (const auto& group : content.sums) reads += group.sources.size();
    return static_cast<int64_t>(reads * content.layout.variables.size());
  }

  TableFile& file_;
  const ClimatologyContent& content_;
  Progress progress_;
  int64_t done_ = 0;
  std::vector<float> slab_;
  std::vector<std::vector<double>> sums_;
};

}  // namespace

size_t num_rows(const ClimatologyKeys& keys, const json& definition) {
  if (keys.kind != ClimatologyKind::Harmonics) return static_cast<size_t>(num_days(keys.kind));
  return 2 * definition.at("num_harmonics").get<size_t>() + 1;
}

void write_climatology(const fs::path& path, const ClimatologyContent& content, const std::string& title) {
  AtomicFile atomic(path);
  TableFile file = TableFile::create(atomic.temporary());
  define_axes(file, content);
  define_variables(file, content);
  write_axes(file, content);
  GroupWriter writer(file, content, title);
  for (size_t v = 0; v < content.layout.variables.size(); ++v)
    for (const auto& group : content.sums)
      if (!group.sources.empty()) writer.write(v, group);
  writer.finish();
  file.close();
  atomic.commit();
}

std::shared_ptr<const Climatology> open_climatology(const fs::path& file) {
  return std::make_shared<ClimatologyFile>(file);
}

}  // namespace pear::forecast
