#include "forecast/rollout/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/files.h"
#include "forecast/rollout/initial_state.h"
#include "io/forecast_file.h"
#include "io/vector_pairs.h"

namespace pear::forecast {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

[[noreturn]] void bad_lead(const std::string& key, const std::string& what, const std::string& expected,
                           const std::string& found) {
  throw ConfigError("BadLead", "config", {.what = key + ": " + what, .expected = expected, .found = found});
}

json define(const ForecastModel& model, const RolloutRequest& request, const std::vector<Duration>& leads) {
  const StateLayout& layout = model.layout();
  json lead_list = json::array();
  for (const Duration d : leads) lead_list.push_back(format_duration(d));
  const ForecastConfig& config = request.config;
  json definition = {
      {"version", 1},
      {"model", model.name()},
      {"model_id", request.model_id},
      {"surface", layout.surface},
      {"upper", layout.upper},
      {"levels_hpa", layout.levels_hpa},
      {"grid", layout.grid.spec()},
      {"step", format_duration(model.step_length())},
      {"leads", lead_list},
      {"members", config.members},
      {"export_grid", config.export_grid},
      {"export_method", config.export_grid.empty() ? "" : config.export_method},
      {"initial", config.initial_file.empty() ? request.store->fingerprint() : sha256_file(config.initial_file.str())}};
  if (!config.export_grid.empty()) definition["export_winds"] = "vectors";
  return definition;
}

/// A cell average of one wind component is no component of the averaged wind where meridians converge.
void require_pairs(const StateLayout& layout, const ForecastConfig& config) {
  if (config.export_grid.empty() || config.export_method != "conservative") return;
  for (const auto* names : {&layout.surface, &layout.upper})
    for (const auto& name : *names) {
      const auto partner = io::vector_partner(name);
      if (partner.empty() || std::find(names->begin(), names->end(), partner) != names->end()) continue;
      throw ConfigError("UnpairedVector", "forecast.rollout",
                        {.what = "wind component " + name + " cannot be regridded conservatively alone",
                         .expected = fmt::format("also {} among the variables of the model", partner),
                         .hint = "use forecast.export_method=bilinear"});
    }
}

/// True if the file is complete and of this definition; throws if it is of another one.
bool is_done(const fs::path& file, const RolloutPlan& plan, bool overwrite) {
  if (!fs::exists(file)) return false;
  std::string found = "a file that cannot be read";
  try {
    const json provenance = json::parse(io::ForecastFile::open(file)->provenance_json());
    found = provenance.value("definition_id", "none");
    if (found == plan.definition_id) return true;
  } catch (const Error& error) {
    found = error.what();
  } catch (const json::exception& error) {
    found = "damaged provenance: " + std::string(error.what());
  }
  if (overwrite) return false;
  throw DataError("ResultExists", "forecast.rollout",
                  {.what = file.string() + " exists with another definition",
                   .expected = plan.definition_id,
                   .found = found,
                   .hint = "choose another run.name=, or set run.overwrite=true to replace it"});
}

std::vector<Time> initial_times(const ForecastModel& model, const RolloutRequest& request) {
  const ForecastConfig& config = request.config;
  std::vector<Time> times = config.init.times();
  if (!config.initial_file.empty()) return {state_file_time(config.initial_file.str(), times)};
  if (times.empty())
    throw ConfigError(
        "MissingKey", "config",
        {.what = "forecast.init names no initial time", .expected = "a time, a list of times or {start, end, every}"});
  if (!request.store)
    throw ConfigError("MissingKey", "config",
                      {.what = "data.store or forecast.initial_file is needed for the initial states"});
  const StoreStateReader reader(*request.store, model.layout());
  for (const Time t : times) reader.require(t);
  return times;
}

}  // namespace

std::vector<Duration> output_leads(const ForecastConfig& config, Duration step) {
  const Duration every = config.every.value_or(step);
  PEAR_ASSERT(step.seconds > 0);
  if (config.lead.seconds <= 0)
    bad_lead("forecast.lead", "length of the forecast", "a positive duration such as 5d", format_duration(config.lead));
  if (every.seconds <= 0 || every.seconds % step.seconds != 0)
    bad_lead("forecast.every", "spacing of the output", "a multiple of the model's step " + format_duration(step),
             format_duration(every));
  if (config.lead.seconds % every.seconds != 0)
    bad_lead("forecast.lead", "length of the forecast",
             fmt::format("a multiple of {} {}", config.every ? "forecast.every" : "the model's step",
                         format_duration(every)),
             format_duration(config.lead));
  std::vector<Duration> leads;
  if (config.write_initial) leads.push_back({0});
  for (Duration d = every; d <= config.lead; d = d + every) leads.push_back(d);
  return leads;
}

RolloutPlan make_plan(const ForecastModel& model, const RolloutRequest& request) {
  RolloutPlan plan;
  plan.leads = output_leads(request.config, model.step_length());
  require_pairs(model.layout(), request.config);
  plan.init = initial_times(model, request);
  plan.definition = define(model, request, plan.leads);
  plan.definition_id = sha256_hex(plan.definition.dump()).substr(0, 16);
  plan.folder = request.run_dir / "forecasts" / model.name();
  for (const Time t : plan.init) {
    plan.files.push_back(plan.folder / (format_time_compact(t) + ".nc"));
    plan.done.push_back(is_done(plan.files.back(), plan, request.overwrite));
  }
  return plan;
}

}  // namespace pear::forecast
