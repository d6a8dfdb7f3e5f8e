#include "forecast/verify/report_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "forecast/verify/metrics.h"
#include "forecast/verify/report_svg.h"
#include "forecast/verify/report_text.h"

namespace pear::forecast {
namespace {

using nlohmann::json;
constexpr double kHoursPerDay = 24;

std::string lead_title(double lead_h) {
  return std::fmod(lead_h, kHoursPerDay) == 0 ? fmt::format("{:g} d", lead_h / kHoursPerDay)
                                              : fmt::format("{:g} h", lead_h);
}

std::string percent(double x) {
  if (std::isnan(x)) return pretty_number(x);
  return fmt::format("{}{:.1f} %", x < 0 ? "\xE2\x88\x92" : "+", 100 * std::abs(x));
}

std::string section(const std::string& id, const std::string& title, const std::string& body) {
  return fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", id, escape_html(title), body);
}

std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::string out = "<table class=\"facts\"><tbody>\n";
  for (const auto& [name, value] : rows)
    out += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape_html(name), escape_html(value));
  return out + "</tbody></table>\n";
}

std::string head(const ReportContent& c) {
  const auto [kind, name] = truth_of(c.scores);
  std::string out = fmt::format("<header>\n<h1>{}</h1>\n", escape_html(c.request.run_name));
  if (!kind.empty())
    out += fmt::format("<p class=\"kind{}\">data: {}{}</p>\n", kind == "nature_run" ? " simulated" : "",
                       escape_html(kind_title(kind)), name.empty() ? "" : ", " + escape_html(name));
  return out + two_columns(c.request.facts) + "</header>\n";
}

std::string verdict_section(const ReportContent& c) {
  const Verdict& v = c.verdict;
  std::string body;
  if (v.lines.empty()) {
    body = "<p>Nothing to compare: no error metric was scored for this model and another one.</p>\n";
  } else {
    body += fmt::format(
        "<table><thead><tr><th scope=\"col\">{0} of {1}, {2}</th><th scope=\"col\">smaller in</th>"
        "<th scope=\"col\">change at {3}</th><th scope=\"col\">change at {4}</th></tr></thead><tbody>\n",
        escape_html(metric_title(v.metric)), escape_html(v.model), escape_html(c.scores.region),
        lead_title(c.scores.leads_h.front()), lead_title(c.scores.leads_h.back()));
    for (const VerdictLine& l : v.lines)
      body += fmt::format(
          "<tr><th scope=\"row\">against {}</th><td>{} of {} (channel, lead)</td><td>{}</td><td>{}</td></tr>\n",
          escape_html(l.against), l.better, l.compared, percent(l.first_change), percent(l.last_change));
    body +=
        "</tbody></table>\n<p class=\"small\">Change: mean over the channels of the ratio of errors; minus is better. "
        "No test of significance; <code>pear score LEFT RIGHT</code> makes one.</p>\n";
  }
  if (!c.notes.empty()) {
    body += "<div class=\"caveats\"><strong>Caveats</strong><ul>\n";
    for (const std::string& note : c.notes) body += "<li>" + escape_html(note) + "</li>\n";
    body += "</ul></div>\n";
  }
  return section("verdict", "Verdict", body);
}

std::string curves_section(const ReportContent& c) {
  std::map<std::string, CurveStyle> styles;
  size_t position = 0;
  for (const std::string& model : c.scores.models)
    styles[model] = style_of(model, is_reference(model) ? 0 : position++);
  const json level = c.scores.record.value(json::json_pointer("/bootstrap/level"), json());
  std::string body =
      fmt::format("<p>Region {}. Bands: {}confidence limits, where they were made.</p>\n", escape_html(c.scores.region),
                  level.is_number() ? fmt::format("{:g} % ", 100 * level.get<double>()) : "");
  for (const std::string& channel : c.scores.channels) {
    std::string row;
    for (const std::string& metric : c.scores.metrics) {
      CurveFigure figure{.title = channel + ": " + metric_title(metric), .curves = c.scores.curves(channel, metric)};
      // A forecast that is the climatology has no anomaly and so no correlation: such curves do not exist.
      if (figure.curves.empty()) continue;
      for (const Curve& curve : figure.curves) figure.styles.push_back(styles.at(curve.model));
      const std::string& unit = figure.curves.front().unit;
      figure.value_label = metric_title(metric) + " [" + pretty_units(unit) + "]";
      figure.around_zero = metric == "bias";
      figure.from_zero = !figure.around_zero && (metric.find("mse") != std::string::npos || metric == "mae") &&
                         metric.find("skill") == std::string::npos;
      row += "<figure>" + draw_curves(figure) + "</figure>\n";
    }
    body += "<div class=\"row\">" + row + "</div>\n";
  }
  return section("curves", "Scores by lead time", body);
}

std::string table_rows(const std::string& channel, const std::vector<Curve>& curves, const std::vector<double>& leads) {
  const int decimals = table_decimals(curves, leads);
  std::vector<std::vector<std::string>> best;
  for (const double lead : leads) best.push_back(best_models(curves, lead, decimals));
  std::string out;
  for (size_t m = 0; m < curves.size(); ++m) {
    out += m > 0 ? "<tr>"
                 : fmt::format("<tr class=\"first\"><th scope=\"rowgroup\" rowspan=\"{}\">{} [{}]</th>", curves.size(),
                               escape_html(channel), escape_html(pretty_units(curves[0].unit)));
    out += "<th scope=\"row\">" + escape_html(curves[m].model) + "</th>";
    for (size_t l = 0; l < leads.size(); ++l) {
      const CurvePoint* p = curves[m].at(leads[l]);
      const std::string value = fixed_number(p ? p->value : std::nan(""), decimals);
      const bool bold = std::find(best[l].begin(), best[l].end(), curves[m].model) != best[l].end();
      out += bold ? "<td><b>" + value + "</b></td>" : "<td>" + value + "</td>";
    }
    out += "</tr>\n";
  }
  return out;
}

std::string table_section(const ReportContent& c) {
  if (c.scores.table_metric.empty()) return "";
  const auto leads = table_leads(c.scores.leads_h);
  std::string body =
      "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">channel</th>"
      "<th scope=\"col\" class=\"name\">model</th>";
  for (const double lead : leads) body += fmt::format("<th scope=\"col\">{}</th>", lead_title(lead));
  body += "</tr></thead><tbody>\n";
  std::vector<Curve> last;
  for (const std::string& channel : c.scores.channels) {
    const auto curves = c.scores.curves(channel, c.scores.table_metric);
    body += table_rows(channel, curves, leads);
    if (!curves.empty()) last = curves;
  }
  if (!last.empty()) {
    body += "<tr class=\"first\"><th scope=\"row\">initial times</th><td></td>";
    for (const double lead : leads) {
      const CurvePoint* p = last.front().at(lead);
      body += fmt::format("<td>{}</td>", p ? p->num_init : 0);
    }
    body += "</tr>\n";
  }
  body += "</tbody></table></div>\n<p class=\"small\">Bold: the smallest, to the digits shown.</p>\n";
  return section("table", metric_title(c.scores.table_metric) + " by lead time, " + c.scores.region, body);
}

std::string maps_section(const ReportContent& c) {
  if (!c.maps) return section("maps", "Maps", "<p>" + escape_html(c.map_note) + "</p>\n");
  const MapFields& m = *c.maps;
  const MapError error = map_error(m);
  const std::string kind = truth_of(c.scores).first;
  std::string body = fmt::format(
      "<p>{} of {}, forecast from {}, {} ahead, sampled to 1&#176; ({}). Forecast minus truth, weighted by area: mean "
      "{}, root mean square {} {}.</p>\n<div class=\"row maps\">{}</div>\n",
      escape_html(m.channel), escape_html(c.request.run_name), format_time(m.init), format_duration(m.lead),
      escape_html(c.request.config.sampling), pretty_number(error.bias), pretty_number(error.rmse),
      escape_html(pretty_units(m.units)),
      draw_maps(m, c.request.config.sampling, kind == "nature_run" ? "Truth (simulated)" : "Truth"));
  return section("maps", "Truth, forecast, difference", body);
}

std::string definitions_section(const ReportContent& c) {
  std::string body = "<table class=\"facts\"><tbody>\n";
  for (const std::string& name : c.scores.metrics)
    for (const Metric& metric : all_metrics())
      if (metric.name == name)
        body += fmt::format("<tr><th scope=\"row\">{}</th><td><code>{}</code></td></tr>\n", escape_html(name),
                            escape_html(metric.formula));
  body +=
      "</tbody></table>\n<p class=\"small\">e: forecast minus truth; a, b: anomalies of forecast and truth from the "
      "climatology; &lt;.&gt;: mean over the region weighted by area; mean_t: over initial times.</p>\n";
  body +=
      "<details><summary>Definition ids of the numbers above</summary><table><thead><tr><th>metric</th>"
      "<th>channel</th><th>lead</th><th>initial times</th><th>definition id</th></tr></thead><tbody>\n";
  const auto shown = [&](const ReportScores& s, const ScoreRow& r) {
    const auto has = [](const auto& list, const std::string& x) {
      return std::find(list.begin(), list.end(), x) != list.end();
    };
    return r.region == s.region && has(s.channels, channel_of(r)) &&
           (has(s.metrics, r.metric) || r.metric == s.table_metric);
  };
  std::set<std::string> seen;
  for (const ScoreRow& r : c.scores.rows)
    if (shown(c.scores, r) && seen.insert(r.definition_id).second)
      body += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>\n",
                          escape_html(r.metric), escape_html(channel_of(r)), lead_title(r.lead_time_h), r.num_init,
                          escape_html(r.definition_id));
  body += "</tbody></table></details>\n";
  const json common = c.scores.record.value(json::json_pointer("/request/definition"), json());
  if (!common.is_null())
    body += "<details><summary>What all of them share</summary><pre>" +
            escape_html(common.dump(1, ' ', false, json::error_handler_t::replace)) + "</pre></details>\n";
  const json missing = c.scores.record.value("missing", json::array());
  if (missing.is_array() && !missing.empty()) {
    body += fmt::format("<details><summary>{} pairs that are left out of every model</summary><pre>", missing.size());
    for (const json& m : missing) body += escape_html(m.dump(-1, ' ', false, json::error_handler_t::replace)) + "\n";
    body += "</pre></details>\n";
  }
  return section("definitions", "What the numbers mean", body);
}

std::string provenance_section(const ReportContent& c) {
  const auto text = [](const json& object, const char* key) {
    const json value = object.is_object() ? object.value(key, json()) : json();
    return value.is_string() ? value.get<std::string>() : value.is_null() ? std::string() : value.dump();
  };
  const json& p = c.request.provenance;
  const json pear = p.is_object() ? p.value("pear", json::object()) : json::object();
  std::vector<std::pair<std::string, std::string>> rows{
      {"pear", text(pear, "version") + ", " + text(pear, "build_type") + ", " + text(pear, "compiler")},
      {"git revision", text(pear, "git_revision") + (text(pear, "dirty") == "true" ? " (changed)" : "")},
      {"command", text(p, "command")},
      {"configuration", "SHA-256 " + text(p, "config_sha256")}};
  const json libraries = p.is_object() ? p.value("libraries", json::object()) : json::object();
  for (const auto& [name, version] : libraries.items())
    rows.emplace_back(name, version.is_string() ? version.get<std::string>() : version.dump());
  std::string body = two_columns(rows);
  body += "<details><summary>Resolved configuration</summary><pre>" + escape_html(c.request.resolved_yaml) +
          "</pre></details>\n";
  const auto embed = [](const char* id, const char* title, const json& object) {
    return fmt::format("<details><summary>{}</summary><pre id=\"{}\">{}</pre></details>\n", title, id,
                       escape_html(object.dump(1, ' ', false, json::error_handler_t::replace)));
  };
  body += embed("pear_provenance", "Provenance of this page", p);
  body += embed("scores_provenance", "Provenance of the scores", c.scores.record.value("provenance", json()));
  return section("provenance", "Configuration and provenance", body);
}

}  // namespace

std::string kind_title(const std::string& kind) {
  return kind == "nature_run" ? "simulated (nature run of the dynamical core), not observed" : kind;
}

std::pair<std::string, std::string> truth_of(const ReportScores& scores) {
  const json truth = scores.record.value(json::json_pointer("/request/definition/truth"), json());
  const auto text = [&](const char* key) {
    const json value = truth.is_object() ? truth.value(key, json()) : json();
    return value.is_string() ? value.get<std::string>() : std::string();
  };
  return {text("kind"), text("name")};
}

std::string make_page(const ReportContent& content) {
  const std::string title = escape_html(content.request.run_name + ": forecast report");
  return "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta "
         "charset=\"utf-8\"/>\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>" +
         title + "</title>\n<style>" + kReportStyle + "</style>\n</head>\n<body>\n" + head(content) +
         verdict_section(content) + curves_section(content) + table_section(content) + maps_section(content) +
         definitions_section(content) + provenance_section(content) + "</body>\n</html>\n";
}

}  // namespace pear::forecast
