#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "forecast/verify/sums.h"
#include "forecast/verify/table_file.h"

namespace pear::forecast {
namespace {

using nlohmann::json;

std::string level_dim(size_t variable) { return fmt::format("level_{}", variable); }

std::vector<int64_t> seconds_of(const std::vector<Time>& times) {
  std::vector<int64_t> out;
  for (const Time t : times) out.push_back(t.seconds);
  return out;
}

void define_axes(TableFile& file, const SumsTable& t) {
  using Type = TableFile::Type;
  file.define_dim("model", t.models.size());
  file.define_dim("init_time", t.init.size());
  file.define_dim("lead_time", t.leads.size());
  file.define_dim("region", t.regions.size());
  file.define_dim("statistic", kNumStatistics);
  file.define("model", Type::String, {"model"});
  file.define("init_time", Type::Int64, {"init_time"},
              {{"units", "seconds since 1970-01-01 00:00:00"},
               {"calendar", "proleptic_gregorian"},
               {"standard_name", "forecast_reference_time"}});
  file.define("lead_time", Type::Int64, {"lead_time"}, {{"units", "seconds"}, {"standard_name", "forecast_period"}});
  file.define("region", Type::String, {"region"});
  file.define("statistic", Type::String, {"statistic"});
}

void put_axes(TableFile& file, const SumsTable& t) {
  std::vector<int64_t> leads;
  for (const Duration d : t.leads) leads.push_back(d.seconds);
  file.put("model", t.models);
  file.put("init_time", seconds_of(t.init));
  file.put("lead_time", leads);
  file.put("region", t.regions);
  file.put("statistic", std::vector<std::string>(kStatisticNames.begin(), kStatisticNames.end()));
}

/// Copies between the table and the variable's own array [model, init, lead, level, region, statistic].
template <class Table, class Copy>
void for_variable(Table& t, size_t variable, Copy copy) {
  size_t first = 0;
  for (size_t v = 0; v < variable; ++v) first += t.variables[v].num_levels();
  size_t position = 0;
  for (size_t m = 0; m < t.models.size(); ++m)
    for (size_t i = 0; i < t.init.size(); ++i)
      for (size_t l = 0; l < t.leads.size(); ++l)
        for (size_t z = 0; z < t.variables[variable].num_levels(); ++z)
          for (size_t r = 0; r < t.regions.size(); ++r)
            for (size_t k = 0; k < kNumStatistics; ++k) copy(t.data[t.offset(m, i, l, first + z) + r][k], position++);
}

[[noreturn]] void differs(const std::string& field, const std::string& left, const std::string& right) {
  throw DataError("DefinitionMismatch", "score.merge",
                  {.what = "sums have different definitions", .found = field + "  " + left + " | " + right});
}

void check_same(const SumsTable& a, const SumsTable& b) {
  if (a.models != b.models) differs("models", json(a.models).dump(), json(b.models).dump());
  if (a.regions != b.regions) differs("regions", json(a.regions).dump(), json(b.regions).dump());
  if (a.variables != b.variables)
    differs("variables", std::to_string(a.num_channels()) + " channels",
            std::to_string(b.num_channels()) + " channels");
  if (a.leads != b.leads) differs("lead_times", std::to_string(a.leads.size()), std::to_string(b.leads.size()));
  if (a.definition == b.definition) return;
  for (const auto& [key, value] : a.definition.items())
    if (!b.definition.contains(key) || b.definition[key] != value)
      differs(key, value.dump(), b.definition.value(key, json()).dump());
  differs("definition", "fewer fields", "more fields");
}

SumsTable table_from(const TableFile& file) {
  SumsTable t;
  t.models = file.get_strings("model");
  t.regions = file.get_strings("region");
  for (const double s : file.get("init_time")) t.init.push_back({static_cast<int64_t>(s)});
  for (const double s : file.get("lead_time")) t.leads.push_back({static_cast<int64_t>(s)});
  t.definition = json::parse(file.attribute("pear_definition"));
  for (const auto& name : t.definition.at("variables")) {
    SumsVariable v{name.get<std::string>(), file.attribute("field_units", name.get<std::string>()), {}};
    const std::string dim = level_dim(t.variables.size());
    if (file.has(dim)) v.levels_hpa = file.get(dim);
    t.variables.push_back(v);
  }
  t.allocate();
  for (size_t v = 0; v < t.variables.size(); ++v) {
    const auto values = file.get(t.variables[v].name);
    const size_t expected = t.data.size() / t.num_channels() * t.variables[v].num_levels() * kNumStatistics;
    if (values.size() != expected)
      throw DataError("BadSums", "forecast.verify.sums",
                      {.what = "sums of " + t.variables[v].name,
                       .expected = fmt::format("{} numbers", expected),
                       .found = fmt::format("{}", values.size())});
    for_variable(t, v, [&](double& x, size_t position) { x = values[position]; });
  }
  return t;
}

}  // namespace

size_t SumsTable::num_channels() const {
  size_t n = 0;
  for (const auto& v : variables) n += v.num_levels();
  return n;
}

void SumsTable::allocate() {
  data.assign(models.size() * init.size() * leads.size() * num_channels() * regions.size(), PairSums{});
}

size_t SumsTable::offset(size_t model, size_t time, size_t lead, size_t channel) const {
  return (((model * init.size() + time) * leads.size() + lead) * num_channels() + channel) * regions.size();
}

std::span<PairSums> SumsTable::at(size_t model, size_t time, size_t lead, size_t channel) {
  return std::span(data).subspan(offset(model, time, lead, channel), regions.size());
}

const PairSums& SumsTable::get(size_t model, size_t time, size_t lead, size_t channel, size_t region) const {
  return data[offset(model, time, lead, channel) + region];
}

void SumsTable::write(const std::filesystem::path& path, const std::string& provenance_json) const {
  AtomicFile atomic(path);
  TableFile file = TableFile::create(atomic.temporary());
  define_axes(file, *this);
  for (size_t v = 0; v < variables.size(); ++v) {
    std::vector<std::string> dims{"model", "init_time", "lead_time"};
    if (!variables[v].levels_hpa.empty()) {
      file.define_dim(level_dim(v), variables[v].num_levels());
      file.define(level_dim(v), TableFile::Type::Double, {level_dim(v)},
                  {{"units", "hPa"}, {"standard_name", "air_pressure"}});
      dims.push_back(level_dim(v));
    }
    dims.insert(dims.end(), {"region", "statistic"});
    file.define(variables[v].name, TableFile::Type::Double, dims,
                {{"field_units", variables[v].units}, {"pear_position", std::to_string(v)}});
  }
  file.set_attribute("title", "sufficient statistics of forecasts against the truth");
  file.set_attribute("pear_definition", definition.dump());
  file.set_attribute("pear_provenance", provenance_json);
  put_axes(file, *this);
  for (size_t v = 0; v < variables.size(); ++v) {
    if (!variables[v].levels_hpa.empty()) file.put(level_dim(v), variables[v].levels_hpa);
    std::vector<double> values(models.size() * init.size() * leads.size() * variables[v].num_levels() * regions.size() *
                               kNumStatistics);
    for_variable(*this, v, [&](double x, size_t position) { values[position] = x; });
    file.put(variables[v].name, values);
  }
  file.close();
  atomic.commit();
}

SumsTable SumsTable::read(const std::filesystem::path& path) {
  const TableFile file = TableFile::open(path);
  if (!file.has("statistic") || file.attribute("pear_definition").empty())
    throw DataError("BadSums", "forecast.verify.sums",
                    {.what = path.string() + " holds no sums", .expected = "a sums.nc written by pear score"});
  try {
    return table_from(file);
  } catch (const json::exception& e) {
    throw DataError("BadSums", "forecast.verify.sums", {.what = path.string() + " is damaged", .found = e.what()});
  }
}

SumsTable SumsTable::merge(const std::vector<SumsTable>& parts) {
  PEAR_ASSERT(!parts.empty());
  std::map<Time, std::pair<size_t, size_t>> origin;
  for (size_t p = 0; p < parts.size(); ++p) {
    check_same(parts[0], parts[p]);
    for (size_t i = 0; i < parts[p].init.size(); ++i)
      if (!origin.emplace(parts[p].init[i], std::pair{p, i}).second)
        throw DataError("OverlappingTimes", "score.merge",
                        {.what = "initial time " + format_time(parts[p].init[i]) + " is in two of the files"});
  }
  SumsTable all = parts[0];
  all.init.clear();
  for (const auto& [time, from] : origin) all.init.push_back(time);
  all.allocate();
  const size_t run = all.leads.size() * all.num_channels() * all.regions.size();
  for (size_t m = 0; m < all.models.size(); ++m)
    for (size_t i = 0; i < all.init.size(); ++i) {
      const auto [p, k] = origin.at(all.init[i]);
      std::copy_n(parts[p].data.begin() + static_cast<ptrdiff_t>(parts[p].offset(m, k, 0, 0)), run,
                  all.data.begin() + static_cast<ptrdiff_t>(all.offset(m, i, 0, 0)));
    }
  return all;
}

SumsTable SumsTable::select(const std::vector<Time>& times) const {
  SumsTable part = *this;
  part.init = times;
  part.allocate();
  const size_t run = leads.size() * num_channels() * regions.size();
  for (size_t m = 0; m < models.size(); ++m)
    for (size_t i = 0; i < times.size(); ++i) {
      const auto it = std::find(init.begin(), init.end(), times[i]);
      PEAR_ASSERT(it != init.end());
      std::copy_n(data.begin() + static_cast<ptrdiff_t>(offset(m, static_cast<size_t>(it - init.begin()), 0, 0)), run,
                  part.data.begin() + static_cast<ptrdiff_t>(part.offset(m, i, 0, 0)));
    }
  return part;
}

}  // namespace pear::forecast
