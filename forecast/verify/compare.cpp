#include "forecast/verify/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "forecast/verify/definition.h"
#include "forecast/verify/metrics.h"
#include "forecast/verify/score_rows.h"
#include "forecast/verify/significance.h"
#include "forecast/verify/sums.h"

namespace pear::forecast {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;
constexpr double kConfidence = 0.95;

struct Side {
  SumsTable table;
  std::vector<std::string> metrics;
};

Side load(fs::path path) {
  if (!fs::is_directory(path)) path = path.parent_path();
  const json record = json::parse(read_text(path / "scores.json"));
  return {SumsTable::read(path / "sums.nc"), record.at("request").at("metrics").get<std::vector<std::string>>()};
}

/// Everything that must agree, with the scored pairs as one field.
json comparable(const Side& side) {
  json d = side.table.definition;
  std::string pairs;
  size_t count = 0;
  for (size_t t = 0; t < side.table.init.size(); ++t)
    for (size_t l = 0; l < side.table.leads.size(); ++l)
      if (!is_missing(side.table.get(0, t, l, 0, 0))) {
        pairs += format_time(side.table.init[t]) + " " + format_duration(side.table.leads[l]) + "\n";
        ++count;
      }
  json levels = json::object(), leads = json::array();
  for (const auto& v : side.table.variables) levels[v.name] = v.levels_hpa;
  for (const Duration lead : side.table.leads) leads.push_back(lead.hours());
  d["levels_hpa"] = levels;
  d["leads"] = leads;
  d["init_times"] = {{"pairs", count}, {"sha256", sha256_hex(pairs).substr(0, 16)}};
  return d;
}

std::string field_of(const std::string& difference) { return difference.substr(0, difference.find_first_of(". ")); }

/// Differences that were not allowed are an error; the allowed ones become footnotes.
std::vector<std::string> check_definitions(const Side& left, const Side& right, const CompareOptions& options) {
  std::vector<std::string> footnotes, refused;
  std::set<std::string> hints;
  for (const auto& line : definition_differences(comparable(left), comparable(right))) {
    const std::string field = field_of(line);
    if (std::find(options.allow.begin(), options.allow.end(), field) != options.allow.end()) {
      footnotes.push_back(line);
    } else if (!(field == "init_times" && options.intersect_times)) {
      refused.push_back(line);
      hints.insert(field == "init_times" ? "--intersect-times for the initial times"
                                         : "re-score one side, or --allow " + field);
    }
  }
  if (!refused.empty())
    throw DataError("DefinitionMismatch", "score.compare",
                    {.what = "scores have different definitions",
                     .found = fmt::format("{}", fmt::join(refused, ";  ")),
                     .hint = fmt::format("{}", fmt::join(hints, "; "))});
  return footnotes;
}

/// Keeps the pairs that both sides have: the others lose their sums on both.
void intersect_pairs(SumsTable& left, SumsTable& right) {
  std::vector<Time> common;
  std::set_intersection(left.init.begin(), left.init.end(), right.init.begin(), right.init.end(),
                        std::back_inserter(common));
  if (common.empty())
    throw DataError("MissingTime", "score.compare", {.what = "the two sides have no initial time in common"});
  left = left.select(common);
  right = right.select(common);
}

struct Channel {
  std::string variable, level;
  size_t index;
};
std::vector<Channel> channels_of(const SumsTable& table) {
  std::vector<Channel> out;
  size_t n = 0;
  for (const auto& v : table.variables)
    for (size_t z = 0; z < v.num_levels(); ++z) out.push_back({v.name, level_text(v, z), n++});
  return out;
}

template <class T>
size_t find_index(const std::vector<T>& list, const T& item) {
  return static_cast<size_t>(std::find(list.begin(), list.end(), item) - list.begin());
}

bool is_regular(const std::vector<Time>& times) {
  for (size_t i = 2; i < times.size(); ++i)
    if (times[i] - times[i - 1] != times[1] - times[0]) return false;
  return true;
}

/// Common initial times of two series, in order.
void pair_up(Series& a, Series& b) {
  Series x, y;
  for (size_t i = 0, j = 0; i < a.times.size() && j < b.times.size();) {
    if (a.times[i] < b.times[j]) {
      ++i;
    } else if (b.times[j] < a.times[i]) {
      ++j;
    } else {
      x.times.push_back(a.times[i]);
      x.own.push_back(a.own[i++]);
      y.own.push_back(b.own[j++]);
    }
  }
  y.times = x.times;
  a = std::move(x);
  b = std::move(y);
}

class Comparison {
 public:
  Comparison(Side left, Side right, const CompareOptions& options)
      : left_(std::move(left)), right_(std::move(right)), options_(options) {
    block_ = block_length(left_.table, {});
  }

  std::vector<CompareRow> run() {
    const auto theirs = channels_of(right_.table);
    for (const auto& name : left_.metrics) {
      const Metric& metric = find_metric(name);
      if (metric.second != Second::None) continue;  // built from two series; their parts are compared
      for (const Channel& c : channels_of(left_.table))
        for (const Channel& d : theirs)
          if (c.variable == d.variable && c.level == d.level) add(metric, c, d);
    }
    std::vector<double> p;
    for (const auto& row : rows_) p.push_back(row.p_value);
    const auto adjusted = adjust_p_values(p);
    for (size_t i = 0; i < rows_.size(); ++i) rows_[i].p_adjusted = adjusted[i];
    return std::move(rows_);
  }

 private:
  void add(const Metric& metric, const Channel& c, const Channel& d) {
    for (size_t r = 0; r < left_.table.regions.size(); ++r)
      for (size_t l = 0; l < left_.table.leads.size(); ++l) {
        const size_t other_region = find_index(right_.table.regions, left_.table.regions[r]);
        const size_t other_lead = find_index(right_.table.leads, left_.table.leads[l]);
        if (other_region == right_.table.regions.size() || other_lead == right_.table.leads.size()) continue;
        Series a = collect_series(left_.table, 0, l, c.index, r, {});
        Series b = collect_series(right_.table, 0, other_lead, d.index, other_region, {});
        pair_up(a, b);
        rows_.push_back(compare(metric, a, b));
        CompareRow& row = rows_.back();
        row.variable = c.variable;
        row.level_hpa = c.level;
        row.region = left_.table.regions[r];
        row.lead_time_h = left_.table.leads[l].hours();
        row.metric = metric.name;
      }
  }

  CompareRow compare(const Metric& metric, const Series& a, const Series& b) {
    const auto x = metric_terms(metric, a.own, {}), y = metric_terms(metric, b.own, {});
    CompareRow row;
    row.num_init = static_cast<int64_t>(x.size());
    row.left = value_of_terms(metric, x);
    row.right = value_of_terms(metric, y);
    row.difference = row.left - row.right;
    std::vector<double> resampled;
    for (const auto& indices : indices_for(row.num_init))
      resampled.push_back(resampled_value(metric, x, indices) - resampled_value(metric, y, indices));
    row.ci_low = quantile(resampled, (1 - kConfidence) / 2);
    row.ci_high = quantile(resampled, (1 + kConfidence) / 2);
    row.p_value = p_value(metric, a, x, y, resampled);
    return row;
  }

  /// Paired t on the additive statistic where there is one and the times are regular, else from the bootstrap.
  double p_value(const Metric& metric, const Series& a, const std::vector<Terms>& x, const std::vector<Terms>& y,
                 const std::vector<double>& resampled) const {
    if (x.size() < 2) return std::numeric_limits<double>::quiet_NaN();
    if (metric.num_terms == 1 && is_regular(a.times)) {
      std::vector<double> d;
      for (size_t t = 0; t < x.size(); ++t) d.push_back(x[t][0] - y[t][0]);
      return paired_t(d).p_value;
    }
    const auto n = static_cast<double>(resampled.size());
    const auto below =
        static_cast<double>(std::count_if(resampled.begin(), resampled.end(), [](double v) { return v <= 0; }));
    const auto above =
        static_cast<double>(std::count_if(resampled.begin(), resampled.end(), [](double v) { return v >= 0; }));
    return std::min(1.0, 2 * (std::min(below, above) + 1) / (n + 1));
  }

  const std::vector<std::vector<int32_t>>& indices_for(int64_t n) {
    auto it = indices_.find(n);
    if (it == indices_.end())
      it = indices_.emplace(n, stationary_bootstrap(n, options_.samples, block_, options_.seed)).first;
    return it->second;
  }

  Side left_, right_;
  const CompareOptions& options_;
  double block_ = 1;
  std::map<int64_t, std::vector<std::vector<int32_t>>> indices_;
  std::vector<CompareRow> rows_;
};

std::string format_table(const CompareResult& r) {
  std::string text = fmt::format("left: {}   right: {}\n{:<10}{:>7}{:>8}  {:<14}{:<12}{:>11}{:>11}{:>11}{:>24}{:>10}\n",
                                 r.left_model, r.right_model, "variable", "level", "lead_h", "region", "metric", "left",
                                 "right", "difference", "95 %", "p (BH)");
  for (const auto& row : r.rows)
    text += fmt::format("{:<10}{:>7}{:>8g}  {:<14}{:<12}{:>11.4g}{:>11.4g}{:>11.3g}{:>24}{:>10.3g}\n", row.variable,
                        row.level_hpa.empty() ? "-" : row.level_hpa, row.lead_time_h, row.region, row.metric, row.left,
                        row.right, row.difference, fmt::format("{:.3g} .. {:.3g}", row.ci_low, row.ci_high),
                        row.p_adjusted);
  for (const auto& note : r.footnotes) text += "note: definitions differ: " + note + "\n";
  return text;
}

json summarise(const CompareResult& r) {
  const auto value = [](double x) { return std::isnan(x) ? json() : json(x); };
  json rows = json::array();
  for (const auto& row : r.rows)
    rows.push_back({{"variable", row.variable},
                    {"level_hpa", row.level_hpa},
                    {"region", row.region},
                    {"metric", row.metric},
                    {"lead_time_h", row.lead_time_h},
                    {"left", value(row.left)},
                    {"right", value(row.right)},
                    {"difference", value(row.difference)},
                    {"ci_low", value(row.ci_low)},
                    {"ci_high", value(row.ci_high)},
                    {"p_value", value(row.p_value)},
                    {"p_adjusted", value(row.p_adjusted)},
                    {"num_init", row.num_init}});
  return {{"left", r.left_model}, {"right", r.right_model}, {"rows", rows}, {"footnotes", r.footnotes}};
}

}  // namespace

CompareResult compare_scores(const fs::path& left, const fs::path& right, const CompareOptions& options) {
  Side a = load(left), b = load(right);
  CompareResult result;
  result.left_model = a.table.models.at(0);
  result.right_model = b.table.models.at(0);
  result.footnotes = check_definitions(a, b, options);
  if (options.intersect_times) intersect_pairs(a.table, b.table);
  result.rows = Comparison(std::move(a), std::move(b), options).run();
  result.table = format_table(result);
  result.summary = summarise(result);
  return result;
}

}  // namespace pear::forecast
