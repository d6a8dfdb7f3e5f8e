#include "forecast/verify/score_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "forecast/verify/table_file.h"

namespace pear::forecast {
namespace {

using nlohmann::json;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kNumColumns = 12;

std::string number(double x) { return std::isnan(x) ? "" : fmt::format("{:.9g}", x); }
double number_from(const std::string& text) { return text.empty() ? kNan : std::strtod(text.c_str(), nullptr); }

template <class T>
void add_once(std::vector<T>& list, const T& item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}
template <class T>
size_t position(const std::vector<T>& list, const T& item) {
  return static_cast<size_t>(std::find(list.begin(), list.end(), item) - list.begin());
}

struct Axes {
  std::vector<std::string> models, metrics, regions;
  std::vector<double> leads;
};

void put_axes(TableFile& file, const Axes& axes) {
  file.put("model", axes.models);
  file.put("metric", axes.metrics);
  file.put("region", axes.regions);
  file.put("lead_time", axes.leads);
}

void define_axes(TableFile& file, const Axes& axes) {
  using Type = TableFile::Type;
  file.define_dim("model", axes.models.size());
  file.define_dim("metric", axes.metrics.size());
  file.define_dim("region", axes.regions.size());
  file.define_dim("lead_time", axes.leads.size());
  file.define("model", Type::String, {"model"});
  file.define("metric", Type::String, {"metric"});
  file.define("region", Type::String, {"region"});
  file.define("lead_time", Type::Double, {"lead_time"}, {{"units", "hours"}, {"standard_name", "forecast_period"}});
}

/// Values of one weather variable on all axes.
struct Block {
  std::vector<std::string> levels;  ///< numbers as text; {""} for surface variables
  std::vector<double> value, low, high, count;
  std::vector<std::string> id;
  std::vector<std::string> dims;
};

Block make_block(const std::vector<ScoreRow>& rows, const std::string& variable, const Axes& axes) {
  Block b;
  for (const auto& r : rows)
    if (r.variable == variable && r.level_hpa != "mean") add_once(b.levels, r.level_hpa);
  const size_t size =
      axes.models.size() * axes.metrics.size() * axes.regions.size() * axes.leads.size() * b.levels.size();
  for (auto* array : {&b.value, &b.low, &b.high, &b.count}) array->assign(size, kNan);
  b.id.resize(size);
  for (const auto& r : rows) {
    if (r.variable != variable || r.level_hpa == "mean") continue;
    size_t i = position(axes.models, r.model);
    i = i * axes.metrics.size() + position(axes.metrics, r.metric);
    i = i * axes.regions.size() + position(axes.regions, r.region);
    i = i * axes.leads.size() + position(axes.leads, r.lead_time_h);
    i = i * b.levels.size() + position(b.levels, r.level_hpa);
    b.value[i] = r.value;
    b.low[i] = r.ci_low;
    b.high[i] = r.ci_high;
    b.count[i] = static_cast<double>(r.num_init);
    b.id[i] = r.definition_id;
  }
  return b;
}

std::vector<ScoreRow> headline_rows(const std::vector<ScoreRow>& rows) {
  std::vector<ScoreRow> out;
  for (const auto& r : rows)
    if (r.metric == rows[0].metric && r.region == rows[0].region) out.push_back(r);
  return out;
}

/// First lead at which the curve falls to `threshold`, linear between leads; NaN if it does not.
double lead_at(std::vector<std::pair<double, double>> curve, double threshold) {
  std::sort(curve.begin(), curve.end());
  for (size_t i = 1; i < curve.size(); ++i) {
    const auto [h0, v0] = curve[i - 1];
    const auto [h1, v1] = curve[i];
    if (v0 >= threshold && v1 < threshold) return h0 + (v0 - threshold) / (v0 - v1) * (h1 - h0);
  }
  return kNan;
}

}  // namespace

const char* const kScoreColumns =
    "model,variable,level_hpa,region,lead_time_h,metric,value,ci_low,ci_high,num_init,unit,definition_id";

void write_scores_csv(const std::filesystem::path& path, const std::vector<ScoreRow>& rows) {
  std::string text = std::string(kScoreColumns) + "\n";
  for (const auto& r : rows)
    text += fmt::format("{},{},{},{},{:g},{},{},{},{},{},{},{}\n", r.model, r.variable, r.level_hpa, r.region,
                        r.lead_time_h, r.metric, number(r.value), number(r.ci_low), number(r.ci_high), r.num_init,
                        r.unit, r.definition_id);
  write_file_atomic(path, text);
}

std::vector<ScoreRow> read_scores_csv(const std::filesystem::path& path) {
  std::istringstream in(read_text(path));
  std::string line;
  std::getline(in, line);
  const auto refuse = [&](const std::string& found) {
    throw DataError("BadScores", "forecast.verify",
                    {.what = path.string() + " is no table of scores", .expected = kScoreColumns, .found = found});
  };
  if (line != kScoreColumns) refuse(line);
  std::vector<ScoreRow> rows;
  while (std::getline(in, line)) {
    std::vector<std::string> f;
    std::istringstream cells(line + ",");
    for (std::string cell; std::getline(cells, cell, ',');) f.push_back(cell);
    if (f.size() != kNumColumns) refuse(line);
    rows.push_back({f[0], f[1], f[2], f[3], number_from(f[4]), f[5], number_from(f[6]), number_from(f[7]),
                    number_from(f[8]), std::atoll(f[9].c_str()), f[10], f[11]});
  }
  return rows;
}

void write_scores_netcdf(const std::filesystem::path& path, const std::vector<ScoreRow>& rows,
                         const std::string& provenance_json) {
  Axes axes;
  std::vector<std::string> variables;
  std::map<std::string, std::string> units;
  for (const auto& r : rows) {
    add_once(axes.models, r.model);
    add_once(axes.metrics, r.metric);
    add_once(axes.regions, r.region);
    add_once(axes.leads, r.lead_time_h);
    add_once(variables, r.variable);
    units[r.variable] +=
        units[r.variable].find(r.metric + ":") == std::string::npos ? r.metric + ": " + r.unit + "; " : "";
  }
  AtomicFile atomic(path);
  TableFile file = TableFile::create(atomic.temporary());
  define_axes(file, axes);
  file.set_attribute("Conventions", "CF-1.13");
  file.set_attribute("title", "forecast scores");
  file.set_attribute("pear_provenance", provenance_json);
  using Type = TableFile::Type;
  std::vector<Block> blocks;
  for (const auto& name : variables) {
    Block b = make_block(rows, name, axes);
    b.dims = {"model", "metric", "region", "lead_time"};
    const bool has_levels = !(b.levels.size() == 1 && b.levels[0].empty());
    if (has_levels) {
      const std::string dim = "level_" + name;
      file.define_dim(dim, b.levels.size());
      file.define(dim, Type::Double, {dim}, {{"units", "hPa"}, {"standard_name", "air_pressure"}});
      b.dims.push_back(dim);
    }
    file.define(name, Type::Double, b.dims, {{"metric_units", units[name]}});
    for (const char* part : {"_ci_low", "_ci_high", "_num_init"}) file.define(name + part, Type::Double, b.dims);
    file.define(name + "_definition_id", Type::String, b.dims);
    blocks.push_back(std::move(b));
  }
  put_axes(file, axes);
  for (size_t v = 0; v < variables.size(); ++v) {
    const Block& b = blocks[v];
    if (b.dims.size() == 5) {
      std::vector<double> levels;
      for (const auto& text : b.levels) levels.push_back(number_from(text));
      file.put(b.dims.back(), levels);
    }
    file.put(variables[v], b.value);
    file.put(variables[v] + "_ci_low", b.low);
    file.put(variables[v] + "_ci_high", b.high);
    file.put(variables[v] + "_num_init", b.count);
    file.put(variables[v] + "_definition_id", b.id);
  }
  file.close();
  atomic.commit();
}

std::string format_score_table(const std::vector<ScoreRow>& rows) {
  if (rows.empty()) return "";
  const auto picked = headline_rows(rows);
  std::vector<std::string> models;
  std::vector<std::tuple<std::string, std::string, double>> lines;
  std::map<std::tuple<std::string, std::string, double, std::string>, const ScoreRow*> cell;
  size_t width = 11;
  for (const auto& r : picked) {
    add_once(models, r.model);
    add_once(lines, {r.variable, r.level_hpa, r.lead_time_h});
    cell[{r.variable, r.level_hpa, r.lead_time_h, r.model}] = &r;
    width = std::max(width, r.model.size());
  }
  std::string text =
      fmt::format("{}, region {}\n{:<10}{:>7}{:>8}", rows[0].metric, rows[0].region, "variable", "level", "lead_h");
  for (const auto& m : models) text += fmt::format("  {:>{}}", m, width);
  text += "  unit\n";
  for (const auto& [variable, level, lead] : lines) {
    text += fmt::format("{:<10}{:>7}{:>8g}", variable, level.empty() ? "-" : level, lead);
    std::string unit;
    for (const auto& m : models) {
      const auto it = cell.find({variable, level, lead, m});
      const bool there = it != cell.end() && !std::isnan(it->second->value);
      text += fmt::format("  {:>{}}", there ? fmt::format("{:.4g}", it->second->value) : "-", width);
      if (it != cell.end()) unit = it->second->unit;
    }
    text += "  " + unit + "\n";
  }
  return text;
}

json headline_of(const std::vector<ScoreRow>& rows) {
  json values = json::array();
  if (rows.empty()) return values;
  for (const auto& r : headline_rows(rows))
    values.push_back({{"model", r.model},
                      {"variable", r.variable},
                      {"level_hpa", r.level_hpa},
                      {"region", r.region},
                      {"lead_time_h", r.lead_time_h},
                      {"metric", r.metric},
                      {"value", std::isnan(r.value) ? json() : json(r.value)},
                      {"unit", r.unit},
                      {"num_init", r.num_init}});
  json headline{{"values", values}};
  std::map<std::string, std::vector<std::pair<double, double>>> curves;
  for (const auto& r : rows)
    if (r.metric == "acc_wmo" && r.region == "nh" && r.variable == "z" && r.level_hpa == "500")
      curves[r.model].emplace_back(r.lead_time_h, r.value);
  for (const auto& [model, curve] : curves) {
    const double lead = lead_at(curve, 0.80);
    headline["nh_z500_acc_wmo_080_h"][model] = std::isnan(lead) ? json("not reached") : json(lead);
  }
  return headline;
}

}  // namespace pear::forecast
