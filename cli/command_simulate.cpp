#include "cli/command_simulate.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/provenance.h"
#include "cli/requests.h"
#include "forecast/dynamics/nature_run.h"

namespace pear::cli {
namespace {

/// Levels of ERA5-trained models, where data.levels_hpa names none.
const std::vector<double> kDefaultLevels{1000, 925, 850, 700, 600, 500, 400, 300, 250, 200, 150, 100, 50};

forecast::NatureRunRequest request_of(const forecast::RunConfig& config) {
  forecast::NatureRunRequest r{.config = config.simulate};
  r.levels_hpa = config.data.levels_hpa.empty() ? kDefaultLevels : config.data.levels_hpa;
  r.folder = config.simulation_folder();
  r.seed = static_cast<uint64_t>(config.run.seed);
  r.overwrite = config.run.overwrite;
  r.provenance = provenance_base();
  return r;
}

CommandResult plan(const forecast::RunConfig& config, const forecast::NatureRunRequest& request) {
  const forecast::NatureRunPlan p = forecast::plan_nature_run(request);
  CommandResult out;
  out.text = resolved_text(config) + "\n# plan\n";
  out.text += fmt::format("core            {}, {} layers, steps of {:g} s\n", config.simulate.truncation, p.layers,
                          p.time_step);
  out.text += fmt::format("states          {} on {}, {} there already, {}\n", p.states, p.grid, p.states_done,
                          format_bytes(static_cast<double>(p.bytes)));
  out.text += fmt::format("folder          {} ({} files)\n", request.folder.string(), p.files.size());
  nlohmann::json files = nlohmann::json::array();
  for (const auto& file : p.files) files.push_back(file.string());
  out.result = {{"grid", p.grid},      {"time_step_s", p.time_step}, {"states", p.states}, {"done", p.states_done},
                {"bytes", p.bytes},    {"would_write", files}};
  return out;
}

}  // namespace

CommandResult run_simulate(const Arguments& arguments) {
  const auto loaded = load_config(arguments);
  const forecast::RunConfig& config = loaded.config;
  forecast::require_keys("simulate", {{"simulate.length", config.simulate.length.seconds > 0}});
  const forecast::NatureRunRequest request = request_of(config);
  if (arguments.dry_run) return plan(config, request);
  begin_run(config);
  log_info("nature run {} in {}", config.simulate.truncation, request.folder.string());
  const forecast::NatureRunReport r = forecast::simulate(request);
  CommandResult out{.outputs = r.files};
  if (r.states_written == 0)
    out.text = fmt::format("up to date: {} states in {}\n", r.states_total, request.folder.string());
  else
    out.text = fmt::format(
        "wrote {} of {} states ({:g} simulated days in {:.1f} s) to {}\nstrongest wind {:.0f} m/s, rain {:.2f} mm/day\n",
        r.states_written, r.states_total, r.simulated_days, r.seconds, request.folder.string(), r.max_wind,
        r.mean_precipitation);
  out.result = {{"kind", "nature_run"},
                {"folder", request.folder.string()},
                {"states_written", r.states_written},
                {"states_total", r.states_total},
                {"simulated_days", r.simulated_days},
                {"max_wind_m_s", r.max_wind},
                {"precipitation_mm_per_day", r.mean_precipitation}};
  return out;
}

}  // namespace pear::cli
