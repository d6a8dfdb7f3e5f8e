#include "cli/command_score.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "cli/requests.h"
#include "distributed/communicator.h"
#include "forecast/verify/compare.h"

namespace pear::cli {
namespace {

namespace fs = std::filesystem;

/// The run's own model, which carries the run's name, and those that score.models names.
std::vector<forecast::ScoredForecast> forecasts_of(const forecast::RunConfig& config, const fs::path& run_dir) {
  const auto folder_of = [&](const std::string& name, const std::string& hint) {
    const fs::path folder = run_dir / "forecasts" / fs::path(name).filename();
    if (!fs::is_directory(folder))
      throw DataError("NoForecasts", "score", {.what = "no forecasts in " + folder.string(), .hint = hint});
    return folder;
  };
  std::vector<forecast::ScoredForecast> all{
      {.model = config.run.name,
       .folder = folder_of(config.model.name, "run `pear forecast` with this configuration first")}};
  for (const std::string& name : config.score.models)
    all.push_back({.model = name, .folder = folder_of(name, "run `pear forecast` with that model.name first")});
  return all;
}

CommandResult compare(const Arguments& arguments) {
  if (!arguments.overrides.empty())
    throw ConfigError("BadOverride", "cli", {.what = "a comparison of two sets of scores takes no keys"});
  const auto r = forecast::compare_scores(arguments.paths[0], arguments.paths[1],
                                          {.allow = arguments.allow, .intersect_times = arguments.intersect_times});
  CommandResult out{.text = r.table, .result = r.summary};
  for (const std::string& note : r.footnotes) out.text += note + "\n";
  return out;
}

nlohmann::json rows_json(const forecast::ScoreResult& r) {
  nlohmann::json missing = nlohmann::json::array();
  for (const auto& m : r.missing)
    missing.push_back({{"init", format_time(m.init)}, {"lead", format_duration(m.lead)}, {"reason", m.reason}});
  return {{"summary", r.summary}, {"up_to_date", r.up_to_date}, {"rows", r.rows.size()}, {"missing", missing}};
}

}  // namespace

CommandResult run_score(const Arguments& arguments) {
  if (arguments.paths.size() == 2) return compare(arguments);
  if (arguments.intersect_times || !arguments.allow.empty())
    throw ConfigError("WrongFlag", "cli",
                      {.what = "--intersect-times and --allow belong to a comparison",
                       .hint = "pear score LEFT RIGHT with two run folders or scores.json files"});
  const auto loaded = load_config(arguments);
  const forecast::RunConfig& config = loaded.config;
  const std::string truth = config.score.truth.empty() ? config.data.store.str() : config.score.truth.str();
  forecast::require_keys("score", {{"data.store (or score.truth)", !truth.empty()}});
  forecast::ScoreRequest request = score_request(config);
  if (arguments.dry_run) {
    CommandResult out{.text = resolved_text(config)};
    out.text += fmt::format(
        "\n# plan\ntruth           {}\nforecasts       {}\nwould write     {}/scores.csv, .nc, .json, sums.nc\n", truth,
        (request.run_dir / "forecasts" / config.model.name).string(), request.run_dir.string());
    out.result = {{"truth", truth},
                  {"would_write",
                   {(request.run_dir / "scores.csv").string(), (request.run_dir / "scores.nc").string(),
                    (request.run_dir / "scores.json").string(), (request.run_dir / "sums.nc").string()}}};
    return out;
  }
  request.forecasts = forecasts_of(config, request.run_dir);
  request.truth = io::Store::open(truth);
  if (!config.data.store.empty() && config.data.store.str() != truth)
    request.climatology_store = io::Store::open(config.data.store.str());
  request.communicator = arguments.communicator;
  if (!arguments.communicator || arguments.communicator->is_leader()) begin_run(config);
  const forecast::ScoreResult r = forecast::score(request);
  CommandResult out{.text = r.table, .result = rows_json(r), .outputs = r.outputs};
  for (const std::string& warning : r.warnings) log_warn("{}", warning);
  if (r.up_to_date) out.text += "up to date: the same scores were there already\n";
  for (const auto& m : r.missing)
    out.text += fmt::format("missing: {} + {} ({})\n", format_time(m.init), format_duration(m.lead), m.reason);
  for (const auto& path : r.outputs) out.text += fmt::format("wrote {}\n", path.string());
  return out;
}

}  // namespace pear::cli
