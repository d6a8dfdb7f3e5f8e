#include "cli/command_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/config/writer.h"
#include "base/error.h"
#include "base/log.h"
#include "base/provenance.h"
#include "cli/requests.h"
#include "forecast/verify/report.h"

namespace pear::cli {
namespace {

std::string describe(const TimeSelection& selection) {
  if (selection.period)
    return fmt::format("{} to {}, every {}", format_time(selection.period->start), format_time(selection.period->end),
                       format_duration(selection.period->every));
  if (selection.list.size() == 1) return format_time(selection.list.front());
  const auto times = selection.times();
  return fmt::format("{} times from {} to {}", times.size(), format_time(times.front()), format_time(times.back()));
}

/// What stands under the title: grid and periods in the words of the configuration.
std::vector<std::pair<std::string, std::string>> facts_of(const forecast::RunConfig& config) {
  std::vector<std::pair<std::string, std::string>> facts{{"model", config.model.name}, {"grid", config.grid}};
  const TimeSelection& init = config.forecast.init.empty() ? config.data.test : config.forecast.init;
  for (const auto& [label, period] : {std::pair<const char*, const TimeSelection&>{"training", config.data.train},
                                      {"selection", config.data.select},
                                      {"forecasts from", init}})
    if (!period.empty()) facts.emplace_back(label, describe(period));
  if (config.forecast.lead.seconds > 0) {
    const auto& every = config.forecast.every;
    facts.emplace_back("lead times", "up to " + format_duration(config.forecast.lead) +
                                         (every ? ", every " + format_duration(*every) : ""));
  }
  return facts;
}

/// The truth is needed for the maps alone: without it there is a page, which says what it lacks.
void open_truth(const forecast::RunConfig& config, forecast::ReportRequest& request) {
  const std::string truth = config.score.truth.empty() ? config.data.store.str() : config.score.truth.str();
  if (truth.empty()) {
    request.truth_note = "neither score.truth nor data.store is set";
    return;
  }
  try {
    request.truth = io::Store::open(truth);
  } catch (const DataError& e) {
    request.truth_note = "the truth cannot be read: " + e.detail().what;
  }
}

}  // namespace

CommandResult run_report(const Arguments& arguments) {
  const auto loaded = load_config(arguments);
  const forecast::RunConfig& config = loaded.config;
  forecast::ReportRequest request;
  request.run_dir = config.run.folder();
  request.run_name = config.run.name;
  request.forecasts = request.run_dir / "forecasts" / config.model.name;
  request.config = config.report;
  request.facts = facts_of(config);
  request.resolved_yaml = to_yaml(config);
  request.resolved = to_json_value(config);
  request.provenance = provenance_base();
  open_truth(config, request);
  const forecast::ReportResult r = arguments.dry_run ? plan_report(request) : write_report(request);
  CommandResult out{.result = r.summary};
  const auto words = [&](const char* key) {
    return fmt::format("{}", fmt::join(r.summary.at(key).get<std::vector<std::string>>(), ", "));
  };
  if (arguments.dry_run) {
    out.text = resolved_text(config) +
               fmt::format("\n# plan\nmodels          {}\nchannels        {}\nmetrics         {}\nwould write     {}\n",
                           words("models"), words("channels"), words("metrics"), r.output.string());
    out.result["would_write"] = {r.output.string()};
    return out;
  }
  for (const std::string& note : r.notes) log_warn("{}", note);
  out.outputs = {r.output};
  for (const auto& line : r.summary.at("verdict").at("against"))
    out.text +=
        fmt::format("{}: {} smaller than {} in {} of {} (channel, lead)\n", config.run.name,
                    r.summary.at("verdict").at("metric").get<std::string>(), line.at("against").get<std::string>(),
                    line.at("better").get<int>(), line.at("compared").get<int>());
  out.text += fmt::format("wrote {}\n", r.output.string());
  return out;
}

}  // namespace pear::cli
