#include "forecast/studies/comparison_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "forecast/studies/grid_comparison.h"
#include "forecast/studies/study_svg.h"
#include "forecast/verify/report_page.h"
#include "forecast/verify/report_text.h"

namespace pear::forecast {
namespace {

using nlohmann::json;

struct Summary {
  double mean = NAN, spread = NAN;
};
Summary summary_of(const std::vector<double>& values) {
  std::vector<double> v;
  std::copy_if(values.begin(), values.end(), std::back_inserter(v), [](double x) { return !std::isnan(x); });
  Summary s;
  if (v.empty()) return s;
  s.mean = 0;
  for (const double x : v) s.mean += x / static_cast<double>(v.size());
  if (v.size() < 2) return s;
  double sum = 0;
  for (const double x : v) sum += (x - s.mean) * (x - s.mean);
  s.spread = std::sqrt(sum / static_cast<double>(v.size() - 1));
  return s;
}

std::string plus_minus(double mean, double spread) {
  if (std::isnan(mean)) return "-";
  return std::isnan(spread) ? fmt::format("{:.4g}", mean) : fmt::format("{:.4g} +- {:.2g}", mean, spread);
}
std::string plus_minus(const std::vector<double>& v) {
  const Summary s = summary_of(v);
  return plus_minus(s.mean, s.spread);
}

std::string p_text(double p) { return std::isnan(p) ? "-" : p < 0.001 ? "<0.001" : fmt::format("{:.3f}", p); }

std::string channel_of(const ComparisonRow& r) { return r.variable + r.level_hpa; }

const ComparisonTest* test_of(const ComparisonScores& scores, const ComparisonRow& r) {
  for (const auto& t : scores.tests)
    if (t.arm == r.arm && t.metric == r.metric && t.variable == r.variable && t.level_hpa == r.level_hpa &&
        t.region == r.region && t.lead_time_h == r.lead_time_h)
      return &t;
  return nullptr;
}

std::string first_metric(const ComparisonContent& c) {
  return c.scores.empty() || c.scores[0].rows.empty() ? "" : c.scores[0].rows[0].metric;
}

/// Cells of one line of the score table; empty test columns for the baseline.
std::vector<std::string> score_cells(const ComparisonRow& r, const ComparisonTest* t) {
  std::vector<std::string> out{channel_of(r), fmt::format("{:g} h", r.lead_time_h), r.region, r.arm,
                               plus_minus(r.mean, r.spread)};
  out.push_back(std::isnan(r.regrid_floor) ? "-" : fmt::format("{:.3g}", r.regrid_floor));
  for (const char* reference : {"persistence", "climatology"}) {
    const auto it = r.references.find(reference);
    out.push_back(it == r.references.end() ? "-" : fmt::format("{:.4g}", it->second));
  }
  if (!t) {
    out.insert(out.end(), {"", "", "", "", ""});
    return out;
  }
  out.push_back(fmt::format("{:+.3g}", t->difference));
  out.push_back(fmt::format("{:.3g} .. {:.3g}", t->ci_low, t->ci_high));
  out.push_back(p_text(t->p_adjusted));
  out.push_back(p_text(t->p_seeds));
  out.push_back(t->verdict);
  return out;
}

const std::vector<std::string> kScoreHeads{"channel", "lead",        "region",      "arm",        "mean +- sd",
                                           "regrid",  "persistence", "climatology", "difference", "95 %",
                                           "p dates", "p seeds",     "verdict"};
const std::vector<std::string> kCostHeads{"arm",     "grid",    "cells",    "parameters", "tokens",
                                          "windows", "ms/step", "peak GiB", "val loss"};

std::vector<std::string> cost_cells(const ArmCost& a) {
  std::vector<double> ms;
  for (const double s : a.seconds_per_step) ms.push_back(1000 * s);
  return {a.name,
          a.grid,
          fmt::format("{}", a.cells),
          fmt::format("{}", a.parameters),
          fmt::format("{} / {}", a.fine_tokens, a.coarse_tokens),
          fmt::format("{} / {}", a.fine_windows, a.coarse_windows),
          plus_minus(ms),
          plus_minus(a.peak_memory_gib),
          plus_minus(a.validation_loss)};
}

using Table = std::vector<std::vector<std::string>>;

std::string text_table(const std::vector<std::string>& heads, const Table& rows) {
  std::vector<size_t> width;
  for (const auto& head : heads) width.push_back(head.size());
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (size_t i = 0; i < cells.size(); ++i) text += fmt::format("  {:<{}}", cells[i], width[i]);
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line(heads);
  for (const auto& row : rows) line(row);
  return out;
}

std::string html_table(const std::vector<std::string>& heads, const Table& rows) {
  std::string out = "<div class=\"scroll\"><table><thead><tr>";
  for (const auto& head : heads) out += "<th>" + escape_html(head) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (const auto& row : rows) {
    out += "<tr>";
    for (const auto& cell : row) out += "<td>" + escape_html(cell) + "</td>";
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

Table cost_table(const ComparisonContent& c) {
  Table rows;
  for (const auto& a : c.costs) rows.push_back(cost_cells(a));
  return rows;
}

Table score_table(const ComparisonScores& scores, const std::string& metric) {
  Table rows;
  for (const auto& r : scores.rows)
    if (r.metric == metric) rows.push_back(score_cells(r, test_of(scores, r)));
  return rows;
}

/// How often an arm is better, worse or open, by grid and metric.
Table verdict_table(const ComparisonContent& c) {
  Table rows;
  for (size_t g = 0; g < c.scores.size(); ++g) {
    std::map<std::pair<std::string, std::string>, std::map<std::string, int>> counts;
    for (const auto& t : c.scores[g].tests) ++counts[{t.metric, t.arm}][t.verdict];
    for (auto& [key, n] : counts)
      if (!n.contains("-"))
        rows.push_back({c.score_grids[g], key.first, key.second, std::to_string(n["better"]),
                        std::to_string(n["worse"]), std::to_string(n["open"])});
  }
  return rows;
}
const std::vector<std::string> kVerdictHeads{"scored on", "metric", "arm", "better", "worse", "open"};

std::string how_to_read(const ComparisonContent& c) {
  return fmt::format(
      "Against {}: better or worse where p (dates, adjusted over all tests of a grid) is below 0.05, the 95 % interval "
      "over dates and seeds leaves 0 out, and every seed has the same sign.",
      c.baseline);
}

json number(double v) { return std::isnan(v) ? json() : json(v); }
json numbers(const std::vector<double>& v) {
  json out = json::array();
  for (const double x : v) out.push_back(number(x));
  return out;
}

json row_json(const ComparisonRow& r) {
  json references = json::object();
  for (const auto& [name, value] : r.references) references[name] = number(value);
  return {{"grid", r.grid},
          {"variable", r.variable},
          {"level_hpa", r.level_hpa},
          {"region", r.region},
          {"metric", r.metric},
          {"unit", r.unit},
          {"arm", r.arm},
          {"lead_time_h", r.lead_time_h},
          {"by_seed", numbers(r.by_seed)},
          {"mean", number(r.mean)},
          {"spread", number(r.spread)},
          {"references", references},
          {"num_init", r.num_init},
          {"regrid_floor", number(r.regrid_floor)}};
}

json test_json(const ComparisonTest& t) {
  return {{"grid", t.grid},
          {"variable", t.variable},
          {"level_hpa", t.level_hpa},
          {"region", t.region},
          {"metric", t.metric},
          {"arm", t.arm},
          {"lead_time_h", t.lead_time_h},
          {"difference", number(t.difference)},
          {"ci_low", number(t.ci_low)},
          {"ci_high", number(t.ci_high)},
          {"p_dates", number(t.p_dates)},
          {"p_adjusted", number(t.p_adjusted)},
          {"p_seeds", number(t.p_seeds)},
          {"same_sign", t.same_sign},
          {"verdict", t.verdict}};
}

json cost_json(const ArmCost& a) {
  return {{"name", a.name},
          {"grid", a.grid},
          {"cells", a.cells},
          {"parameters", a.parameters},
          {"tokens", {a.fine_tokens, a.coarse_tokens}},
          {"windows", {a.fine_windows, a.coarse_windows}},
          {"seconds_per_step", numbers(a.seconds_per_step)},
          {"peak_memory_gib", numbers(a.peak_memory_gib)},
          {"validation_loss", numbers(a.validation_loss)},
          {"last_loss", numbers(a.last_loss)},
          {"differences", a.differences}};
}

}  // namespace

std::string comparison_text(const ComparisonContent& c) {
  std::string out = fmt::format("arms ({} seeds; tokens and windows: fine / coarse)\n", c.seeds.size());
  out += text_table(kCostHeads, cost_table(c)) + "\nthe same for all arms\n";
  for (const auto& line : c.common) out += "  " + line + "\n";
  for (const auto& a : c.costs) {
    if (a.differences.empty()) continue;
    out += fmt::format("\nnetwork of {} where it differs from {} ({} | {})\n", a.name, c.baseline, c.baseline, a.name);
    for (const auto& line : a.differences) out += "  " + line + "\n";
  }
  for (size_t g = 0; g < c.scores.size(); ++g)
    out += fmt::format("\n{} on {}\n", first_metric(c), c.score_grids[g]) +
           text_table(kScoreHeads, score_table(c.scores[g], first_metric(c)));
  return out + "\nverdicts\n" + text_table(kVerdictHeads, verdict_table(c)) + how_to_read(c) + "\n";
}

std::string comparison_csv(const ComparisonContent& c) {
  std::string out =
      "grid,variable,level_hpa,region,lead_time_h,metric,unit,arm,mean,spread,regrid_floor,persistence,climatology,num_"
      "init,"
      "difference,ci_low,ci_high,p_dates,p_adjusted,p_seeds,verdict";
  for (const int64_t seed : c.seeds) out += fmt::format(",seed_{}", seed);
  out += "\n";
  const auto text = [](double v) { return std::isnan(v) ? std::string() : fmt::format("{:.9g}", v); };
  for (const auto& scores : c.scores)
    for (const auto& r : scores.rows) {
      const auto reference = [&](const char* name) {
        const auto it = r.references.find(name);
        return it == r.references.end() ? std::string() : text(it->second);
      };
      out += fmt::format("{},{},{},{},{:g},{},{},{},{},{},{},{},{},{}", r.grid, r.variable, r.level_hpa, r.region,
                         r.lead_time_h, r.metric, r.unit, r.arm, text(r.mean), text(r.spread), text(r.regrid_floor),
                         reference("persistence"), reference("climatology"), r.num_init);
      if (const auto* t = test_of(scores, r))
        out += fmt::format(",{},{},{},{},{},{},{}", text(t->difference), text(t->ci_low), text(t->ci_high),
                           text(t->p_dates), text(t->p_adjusted), text(t->p_seeds), t->verdict);
      else
        out += ",,,,,,,";
      for (const double v : r.by_seed) out += "," + text(v);
      out += "\n";
    }
  return out;
}

json comparison_json(const ComparisonContent& c) {
  json costs = json::array(), rows = json::array(), tests = json::array(), verdicts = json::array();
  for (const auto& a : c.costs) costs.push_back(cost_json(a));
  for (const auto& scores : c.scores) {
    for (const auto& r : scores.rows) rows.push_back(row_json(r));
    for (const auto& t : scores.tests) tests.push_back(test_json(t));
  }
  for (const auto& v : verdict_table(c))
    verdicts.push_back({{"grid", v[0]},
                        {"metric", v[1]},
                        {"arm", v[2]},
                        {"better", std::stoi(v[3])},
                        {"worse", std::stoi(v[4])},
                        {"open", std::stoi(v[5])}});
  return {{"study", "grid_comparison"},
          {"baseline", c.baseline},
          {"seeds", c.seeds},
          {"arms", costs},
          {"common", c.common},
          {"data", c.kind},
          {"verdicts", verdicts},
          {"rows", rows},
          {"tests", tests}};
}

std::vector<ComparisonFigure> comparison_figures(const ComparisonContent& c) {
  std::vector<ComparisonFigure> out;
  const std::string metric = first_metric(c);
  for (size_t g = 0; g < c.scores.size(); ++g) {
    std::vector<std::pair<std::string, std::string>> channels;  // name, unit; in the order of the rows
    std::map<std::string, std::map<std::string, StudyCurve>> curves;
    for (const auto& r : c.scores[g].rows) {
      if (r.metric != metric || r.region != c.scores[g].rows[0].region) continue;
      auto& own = curves[channel_of(r)];
      if (own.empty()) channels.emplace_back(channel_of(r), r.unit);
      const auto add = [&](const std::string& name, double value) {
        own[name].name = name;
        own[name].x.push_back(r.lead_time_h / 24);
        own[name].y.push_back(value);
      };
      add(r.arm, r.mean);
      if (r.arm == c.baseline)
        for (const auto& [name, value] : r.references) add(name, value);
    }
    for (const auto& [channel, unit] : channels) {
      std::vector<StudyCurve> list;
      for (const auto& a : c.costs) list.push_back(curves[channel][a.name]);
      for (const char* reference : {"persistence", "climatology"})
        if (curves[channel].contains(reference)) list.push_back(curves[channel][reference]);
      const StudyAxes axes{fmt::format("{} {} on {}", metric, channel, c.score_grids[g]), "lead time (days)", unit};
      out.push_back({fmt::format("curves_{}_{}.svg", channel, file_name_of(c.score_grids[g])), draw_lines(axes, list)});
    }
  }
  return out;
}

std::string comparison_page(const ComparisonContent& c, const std::vector<ComparisonFigure>& figures) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><title>Comparison of grids</title>\n<style>";
  out += std::string(kReportStyle) + "</style></head><body>\n<h1>Comparison of grids</h1>\n";
  out += "<p class=\"kind" + std::string(c.kind == "nature_run" ? " simulated" : "") +
         "\">Data: " + escape_html(kind_title(c.kind)) + "</p>\n";
  out +=
      "<h2>Verdicts</h2>\n<p>" + escape_html(how_to_read(c)) + "</p>\n" + html_table(kVerdictHeads, verdict_table(c));
  out += "<h2>Arms</h2>\n" + html_table(kCostHeads, cost_table(c)) +
         "<p class=\"small\">Tokens and windows: fine / "
         "coarse stages. Times depend on what else the machine did; arms take turns seed by seed.</p>\n<ul>\n";
  for (const auto& line : c.common) out += "<li>" + escape_html(line) + "</li>\n";
  out += "</ul>\n";
  for (const auto& a : c.costs) {
    if (a.differences.empty()) continue;
    out += fmt::format("<h3>{}: differences from {}</h3>\n<ul>\n", escape_html(a.name), escape_html(c.baseline));
    for (const auto& line : a.differences) out += "<li>" + escape_html(line) + "</li>\n";
    out += "</ul>\n";
  }
  out += "<h2>Curves</h2>\n<div class=\"row\">\n";
  for (const auto& f : figures) out += "<figure>" + f.svg + "</figure>\n";
  out += "</div>\n";
  for (size_t g = 0; g < c.scores.size(); ++g)
    out += "<h2>" + escape_html(metric_title(first_metric(c)) + " on " + c.score_grids[g]) + "</h2>\n" +
           html_table(kScoreHeads, score_table(c.scores[g], first_metric(c)));
  return out + "</body></html>\n";
}

}  // namespace pear::forecast
