#include "forecast/verify/report_scores.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "base/error.h"
#include "base/files.h"
#include "forecast/verify/definition.h"
#include "forecast/verify/score_output.h"
#include "io/variables.h"

namespace pear::forecast {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;
constexpr size_t kFewChannels = 5, kDifferencesShown = 6;

template <class List, class Item>
bool contains(const List& list, const Item& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}
void add_once(std::vector<std::string>& list, const std::string& item) {
  if (!contains(list, item)) list.push_back(item);
}

[[noreturn]] void missing(const char* code, const std::string& key, const std::string& wanted,
                          const std::vector<std::string>& have) {
  throw DataError(code, "report",
                  {.what = fmt::format("{} names {}, which was not scored", key, wanted),
                   .expected = "one of those that were",
                   .found = fmt::format("{}", fmt::join(have, ", ")),
                   .hint = "change the key, or score again with run.overwrite=true"});
}

std::vector<std::string> choose_channels(const std::vector<std::string>& wanted, const std::vector<ScoreRow>& rows) {
  std::vector<std::string> have, chosen;
  for (const ScoreRow& r : rows) add_once(have, channel_of(r));
  for (const std::string& name : wanted) {
    const std::string channel = canonical_channel(name);
    if (!contains(have, channel)) missing("MissingChannel", "report.channels", name, have);
    add_once(chosen, channel);
  }
  if (!chosen.empty()) return chosen;
  for (const char* name : {"z500", "t850", "t2m", "u10", "v10"})
    if (contains(have, std::string(name))) chosen.push_back(name);
  if (chosen.empty())
    chosen.assign(have.begin(), have.begin() + static_cast<ptrdiff_t>(std::min(kFewChannels, have.size())));
  return chosen;
}

/// The first of each group that was scored; the groups are RMSE, ACC, bias.
std::vector<std::string> choose_metrics(const std::vector<std::string>& wanted, const std::vector<ScoreRow>& rows) {
  std::vector<std::string> have, chosen;
  for (const ScoreRow& r : rows) add_once(have, r.metric);
  for (const std::string& name : wanted) {
    if (!contains(have, name)) missing("MissingMetric", "report.metrics", name, have);
    add_once(chosen, name);
  }
  if (!chosen.empty()) return chosen;
  const std::vector<std::vector<std::string>> groups{
      {"rmse", "rmse_root_first", "pear_rmse", "mse", "mae"},
      {"acc_wb2", "acc_wmo", "acc_pooled", "acc_pooled_centred", "pear_acc"},
      {"bias"}};
  for (const auto& group : groups)
    for (const std::string& name : group)
      if (contains(have, name)) {
        chosen.push_back(name);
        break;
      }
  return chosen.empty() ? have : chosen;
}

std::string choose_table_metric(const std::vector<ScoreRow>& rows) {
  for (const char* name : {"rmse", "rmse_root_first", "pear_rmse", "mse", "mae"})
    if (std::any_of(rows.begin(), rows.end(), [&](const ScoreRow& r) { return r.metric == name; })) return name;
  return "";
}

std::string choose_region(const std::string& wanted, const std::vector<ScoreRow>& rows) {
  std::vector<std::string> have;
  for (const ScoreRow& r : rows) add_once(have, r.region);
  if (!wanted.empty() && !contains(have, wanted)) missing("MissingRegion", "report.region", wanted, have);
  if (!wanted.empty()) return wanted;
  return contains(have, std::string("global")) ? "global" : have.front();
}

std::vector<ScoreRow> read_rows(const fs::path& folder) {
  for (const char* name : {"scores.csv", "scores.json"})
    if (!fs::exists(folder / name))
      throw DataError("NoScores", "report",
                      {.what = (folder / name).string() + " is not there",
                       .hint = "run `pear score` with this configuration first"});
  std::vector<ScoreRow> rows = read_scores_csv(folder / "scores.csv");
  if (rows.empty())
    throw DataError("NoScores", "report",
                    {.what = (folder / "scores.csv").string() + " has no rows", .hint = "run `pear score` again"});
  return rows;
}

/// Rows of another run stand beside ours only where they mean the same: equal definition ids.
void join_rows(ReportScores& scores, const fs::path& folder) {
  std::set<std::string> ids, models;
  for (const ScoreRow& r : scores.rows) {
    ids.insert(r.definition_id);
    models.insert(r.model);
  }
  size_t left_out = 0, taken = 0;
  for (ScoreRow& r : read_rows(folder)) {
    if (models.contains(r.model)) continue;
    const bool same = ids.contains(r.definition_id);
    ++(same ? taken : left_out);
    if (same) scores.rows.push_back(std::move(r));
  }
  if (left_out > 0)
    scores.notes.push_back(fmt::format(
        "{}: {} rows of other models have another definition (initial times, truth, weights …) and are not shown",
        folder.string(), left_out));
  if (taken == 0 && left_out == 0)
    scores.notes.push_back(fmt::format("{}: no model that is not here already", folder.string()));
}

void order_models(ReportScores& scores, const std::string& own) {
  for (const ScoreRow& r : scores.rows) add_once(scores.models, r.model);
  std::stable_sort(scores.models.begin(), scores.models.end(), [&](const auto& a, const auto& b) {
    return std::tuple(is_reference(a), a != own) < std::tuple(is_reference(b), b != own);
  });
}

/// The page shows the configuration of now; say so when the scores were made with another one.
void note_changed_config(ReportScores& scores, const json& now) {
  const json before = scores.record.value(json::json_pointer("/provenance/config"), json());
  if (!before.is_object() || !now.is_object()) return;
  json then = json::object(), today = json::object();
  for (const char* section : {"grid", "data", "model", "train", "forecast", "score"}) {
    if (before.contains(section)) then[section] = before[section];
    if (now.contains(section)) today[section] = now[section];
  }
  auto differences = definition_differences(then, today);
  if (differences.empty()) return;
  if (differences.size() > kDifferencesShown) differences.resize(kDifferencesShown);
  scores.notes.push_back(
      fmt::format("the scores were made with another configuration (then | now): {}", fmt::join(differences, "; ")));
}

}  // namespace

const CurvePoint* Curve::at(double lead_h) const {
  for (const CurvePoint& p : points)
    if (p.lead_h == lead_h) return &p;
  return nullptr;
}

std::string channel_of(const ScoreRow& row) {
  return row.level_hpa == "mean" ? row.variable + " mean" : row.variable + row.level_hpa;
}

std::string canonical_channel(const std::string& name) {
  const auto channel = io::find_channel(name);
  if (!channel) return name;
  return channel->variable->is_upper() ? fmt::format("{}{:g}", channel->variable->name, channel->level.value)
                                       : channel->variable->name;
}

bool is_reference(const std::string& model) { return model == "persistence" || model == "climatology"; }

std::vector<Curve> ReportScores::curves(const std::string& channel, const std::string& metric) const {
  std::vector<Curve> out;
  for (const std::string& model : models) {
    Curve curve{.model = model};
    for (const ScoreRow& r : rows) {
      if (r.model != model || r.metric != metric || r.region != region || channel_of(r) != channel) continue;
      curve.unit = r.unit;
      if (std::isfinite(r.value)) curve.points.push_back({r.lead_time_h, r.value, r.ci_low, r.ci_high, r.num_init});
    }
    std::sort(curve.points.begin(), curve.points.end(),
              [](const CurvePoint& a, const CurvePoint& b) { return a.lead_h < b.lead_h; });
    if (!curve.points.empty()) out.push_back(std::move(curve));
  }
  return out;
}

ReportScores read_report_scores(const ReportRequest& request) {
  ReportScores scores;
  scores.rows = read_rows(request.run_dir);
  scores.record = json::parse(read_text(request.run_dir / "scores.json"), nullptr, false);
  if (!scores.record.is_object())
    throw DataError("BadScores", "report",
                    {.what = (request.run_dir / "scores.json").string() + " is not JSON",
                     .hint = "run `pear score` again with run.overwrite=true"});
  scores.channels = choose_channels(request.config.channels, scores.rows);
  scores.metrics = choose_metrics(request.config.metrics, scores.rows);
  scores.table_metric = choose_table_metric(scores.rows);
  scores.region = choose_region(request.config.region, scores.rows);
  const json warnings = scores.record.value("warnings", json::array());
  for (const json& w : warnings)
    if (w.is_string()) scores.notes.push_back(w.get<std::string>());
  note_changed_config(scores, request.resolved);
  for (const Path& folder : request.config.compare) join_rows(scores, folder.str());
  order_models(scores, request.run_name);
  std::set<double> leads;
  for (const ScoreRow& r : scores.rows) leads.insert(r.lead_time_h);
  scores.leads_h.assign(leads.begin(), leads.end());
  return scores;
}

}  // namespace pear::forecast
