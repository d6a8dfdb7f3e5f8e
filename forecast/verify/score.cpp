#include "forecast/verify/score.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "distributed/communicator.h"
#include "forecast/verify/definition.h"
#include "forecast/verify/score_output.h"
#include "forecast/verify/score_plan.h"
#include "forecast/verify/score_rows.h"

namespace pear::forecast {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;
constexpr size_t kDifferencesShown = 8;

json missing_record(const std::vector<MissingPair>& missing) {
  json out = json::array();
  for (const auto& m : missing)
    out.push_back({{"init", format_time(m.init)}, {"lead_time_h", m.lead.hours()}, {"reason", m.reason}});
  return out;
}

ScoreResult summarise(std::vector<ScoreRow> rows, const ScoreRequest& request) {
  ScoreResult result;
  result.rows = std::move(rows);
  for (const char* name : {"scores.csv", "scores.nc", "scores.json", "sums.nc"})
    result.outputs.push_back(request.run_dir / name);
  result.table = format_score_table(result.rows);
  result.summary = headline_of(result.rows);
  return result;
}

/// The scores that are there already; empty if none. Throws if they mean something else.
std::optional<ScoreResult> existing_scores(const ScoreRequest& request, const json& wanted) {
  const fs::path file = request.run_dir / "scores.json";
  for (const char* name : {"scores.json", "scores.csv", "scores.nc", "sums.nc"})
    if (!fs::exists(request.run_dir / name)) return std::nullopt;
  const json have = json::parse(read_text(file), nullptr, false);
  const json before = have.is_object() ? have.value("request", json()) : json();
  if (before == wanted) {
    ScoreResult result = summarise(read_scores_csv(request.run_dir / "scores.csv"), request);
    result.up_to_date = true;
    for (const auto& m : have.value("missing", json::array()))
      result.missing.push_back({parse_time(m.at("init").get<std::string>()),
                                Duration{static_cast<int64_t>(m.at("lead_time_h").get<double>() * 3600)},
                                m.at("reason").get<std::string>()});
    result.warnings = have.value("warnings", std::vector<std::string>{});
    return result;
  }
  if (request.overwrite) return std::nullopt;
  auto differences = definition_differences(before, wanted);
  if (differences.size() > kDifferencesShown) differences.resize(kDifferencesShown);
  throw DataError("ResultExists", "score",
                  {.what = file.string() + " holds scores of another definition",
                   .expected = "the same request, or none",
                   .found = fmt::format("{}", fmt::join(differences, "; ")),
                   .hint = "run.overwrite=true replaces them, another run.name= keeps them"});
}

ScoreResult finish(const SumsTable& table, const ScoreRequest& request, const ScoreConfig& config,
                   const json& request_record, std::vector<MissingPair> missing, std::vector<std::string> warnings) {
  const ScoreRows rows = make_rows(table, {config.metrics, config.references, config.bootstrap, request.seed});
  warnings.insert(warnings.end(), rows.warnings.begin(), rows.warnings.end());
  const std::string provenance = (request.provenance.is_null() ? json::object() : request.provenance).dump();
  ensure_writable_directory(request.run_dir);
  table.write(request.run_dir / "sums.nc", provenance);
  write_scores_csv(request.run_dir / "scores.csv", rows.rows);
  write_scores_netcdf(request.run_dir / "scores.nc", rows.rows, provenance);
  json definitions = json::object();
  for (const auto& [id, record] : rows.definitions) definitions[id] = record;
  const json record{{"request", request_record},
                    {"headline", headline_of(rows.rows)},
                    {"definitions", definitions},
                    {"bootstrap",
                     {{"kind", "stationary"},
                      {"samples", config.bootstrap.samples},
                      {"mean_block", rows.block_length},
                      {"level", config.bootstrap.level},
                      {"seed", request.seed}}},
                    {"missing", missing_record(missing)},
                    {"warnings", warnings},
                    {"provenance", request.provenance}};
  // Last, because its presence says that the scores are complete.
  write_file_atomic(request.run_dir / "scores.json", record.dump(1));
  ScoreResult result = summarise(rows.rows, request);
  result.missing = std::move(missing);
  result.warnings = std::move(warnings);
  return result;
}

/// How much of each region was valid (missing: skip_cell).
void warn_of_coverage(const SumsTable& table, const ScorePlan& plan, std::vector<std::string>& warnings) {
  for (size_t r = 0; r < plan.regions.size(); ++r) {
    const double total = tree_sum(plan.regions[r].weights);
    double least = 1;
    for (size_t m = 0; m < table.models.size(); ++m)
      for (size_t t = 0; t < table.init.size(); ++t)
        for (size_t l = 0; l < table.leads.size(); ++l) {
          if (plan.is_missing(table.init[t], table.leads[l])) continue;
          for (size_t c = 0; c < table.num_channels(); ++c)
            least = std::min(least, table.get(m, t, l, c, r)[kWeight] / total);
        }
    if (least < 1 - 1e-9)
      warnings.push_back(
          fmt::format("region {}: valid cells cover {:.2f} % at least", plan.regions[r].name, 100 * least));
  }
}

}  // namespace

ScoreResult score(const ScoreRequest& request) {
  ensure_writable_directory(request.run_dir);
  ScorePlan plan = make_score_plan(request);
  if (auto done = existing_scores(request, plan.request)) return *std::move(done);
  const SumsTable table = accumulate_sums(plan, *request.truth, request.communicator.get());
  if (request.communicator && !request.communicator->is_leader()) return {};
  if (plan.config.missing == "skip_cell") warn_of_coverage(table, plan, plan.warnings);
  return finish(table, request, plan.config, plan.request, plan.missing, plan.warnings);
}

ScoreResult merge_scores(const std::vector<fs::path>& sums_files, const ScoreRequest& request) {
  if (sums_files.empty()) throw DataError("NoForecasts", "score.merge", {.what = "no sums to merge"});
  std::vector<SumsTable> parts;
  json sources = json::array();
  for (const auto& path : sums_files) {
    parts.push_back(SumsTable::read(path));
    sources.push_back(sha256_file(path));
  }
  const SumsTable table = SumsTable::merge(parts);
  ScoreConfig config = apply_protocol(request.config);
  std::erase_if(config.references, [&](const std::string& name) {
    return std::find(table.models.begin(), table.models.end(), name) == table.models.end();
  });
  const auto& b = config.bootstrap;
  const json record{{"merged", sources},
                    {"metrics", config.metrics},
                    {"definition", table.definition},
                    {"seed", request.seed},
                    {"bootstrap", {{"samples", b.samples}, {"block", b.block}, {"level", b.level}}}};
  if (auto done = existing_scores(request, record)) return *std::move(done);
  std::vector<MissingPair> missing;
  for (size_t t = 0; t < table.init.size(); ++t)
    for (size_t l = 0; l < table.leads.size(); ++l)
      if (is_missing(table.get(0, t, l, 0, 0))) missing.push_back({table.init[t], table.leads[l], "no sums"});
  return finish(table, request, config, record, std::move(missing), {});
}

}  // namespace pear::forecast
