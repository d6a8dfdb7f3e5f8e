#include "forecast/verify/report.h"

#include "base/files.h"
#include "forecast/verify/report_page.h"

namespace pear::forecast {
namespace {

using nlohmann::json;

json map_summary(const std::optional<MapFields>& maps, const std::string& note) {
  if (!maps) return {{"shown", false}, {"note", note}};
  const MapError error = map_error(*maps);
  return {{"shown", true},
          {"channel", maps->channel},
          {"init", format_time(maps->init)},
          {"lead", format_duration(maps->lead)},
          {"units", maps->units},
          {"bias", error.bias},
          {"rmse", error.rmse}};
}

ReportResult make_report(const ReportRequest& request, bool write) {
  const ReportScores scores = read_report_scores(request);
  const Verdict verdict = make_verdict(scores, request.run_name);
  std::string map_note;
  const std::optional<MapFields> maps = read_map_fields(request, scores.channels, map_note);
  ReportResult result{.output = request.run_dir / "report.html", .notes = scores.notes};
  if (!maps) result.notes.push_back(map_note);
  const auto [kind, name] = truth_of(scores);
  result.summary = {
      {"models", scores.models},   {"channels", scores.channels},         {"metrics", scores.metrics},
      {"region", scores.region},   {"leads_h", scores.leads_h},           {"truth", {{"kind", kind}, {"name", name}}},
      {"verdict", verdict.json()}, {"maps", map_summary(maps, map_note)}, {"caveats", result.notes}};
  if (!write) return result;
  const std::string page = make_page({request, scores, verdict, maps, map_note, result.notes});
  write_file_atomic(result.output, page);
  return result;
}

}  // namespace

ReportResult write_report(const ReportRequest& request) { return make_report(request, true); }

ReportResult plan_report(const ReportRequest& request) { return make_report(request, false); }

}  // namespace pear::forecast
