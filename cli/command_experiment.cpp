#include "cli/command_experiment.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/log.h"
#include "cli/comparison_request.h"
#include "cli/requests.h"
#include "forecast/studies/dynamics_acceptance.h"

namespace pear::cli {
namespace {

namespace fs = std::filesystem;

CommandResult plan(const forecast::RunConfig& config, const forecast::AcceptanceRequest& request) {
  CommandResult out{.text = resolved_text(config) + "\n# plan\n"};
  nlohmann::json cases = nlohmann::json::array();
  for (const forecast::AcceptanceSetup& s : forecast::acceptance_setups(request)) {
    out.text += fmt::format("case            {}\n", s.label());
    cases.push_back(s.definition());
  }
  out.text += fmt::format("would write     {0}/acceptance.json, .csv, cases/, *.svg\n", request.run_dir.string());
  out.result = {{"cases", cases},
                {"would_write",
                 {(request.run_dir / "acceptance.json").string(), (request.run_dir / "acceptance.csv").string(),
                  (request.run_dir / "cases").string()}}};
  return out;
}

CommandResult plan(const forecast::RunConfig& config, const forecast::ComparisonRequest& request) {
  CommandResult out{.text = resolved_text(config) + "\n# plan\n"};
  for (const auto& store : request.stores)
    out.text += fmt::format("store           {} on {}\n", store.store.string(), store.grid.spec());
  nlohmann::json arms = nlohmann::json::array();
  for (const auto& arm : request.arms) {
    out.text += fmt::format("arm             {}: {} on {}, {} seeds\n", arm.name, arm.train.model.name, arm.grid,
                            request.seeds.size());
    arms.push_back({{"name", arm.name}, {"grid", arm.grid}});
  }
  out.text +=
      fmt::format("scores on       {}\nwould write     {}/comparison.{{json,csv,txt,html}}, curves_*.svg, arms/\n",
                  fmt::join(request.score_grids, ", "), request.run_dir.string());
  out.result = {{"arms", arms},
                {"seeds", request.seeds},
                {"score_grids", request.score_grids},
                {"would_write",
                 {(request.run_dir / "comparison.json").string(), (request.run_dir / "comparison.csv").string(),
                  (request.run_dir / "comparison.html").string(), (request.run_dir / "arms").string()}}};
  return out;
}

CommandResult compare_grids(const forecast::RunConfig& config, bool dry_run) {
  const forecast::ComparisonRequest request = comparison_request(config);
  if (dry_run) return plan(config, request);
  begin_run(config);
  log_info("device {}", forecast::choose_device(config.run.device).reason);
  const forecast::ComparisonResult r = forecast::run_grid_comparison(request);
  CommandResult out{.text = r.table, .result = r.record, .outputs = r.outputs};
  out.text += fmt::format("{} of {} pieces were finished before and not repeated\n", r.num_repeated, r.num_pieces);
  for (const fs::path& path : r.outputs) out.text += fmt::format("wrote {}\n", path.string());
  return out;
}

}  // namespace

CommandResult run_experiment(const Arguments& arguments) {
  const auto loaded = load_config(arguments);
  const forecast::RunConfig& config = loaded.config;
  if (config.experiment.name == "grid_comparison") return compare_grids(config, arguments.dry_run);
  const forecast::DeviceChoice device = forecast::choose_device(config.run.device);
  const forecast::AcceptanceRequest request{.experiment = config.experiment,
                                            .run_dir = config.run.folder(),
                                            .seed = static_cast<uint64_t>(config.run.seed),
                                            .device = device.device};
  if (arguments.dry_run) return plan(config, request);
  begin_run(config);
  log_info("device {}", device.reason);
  const forecast::AcceptanceResult r = forecast::run_dynamics_acceptance(request);
  CommandResult out{.text = r.table, .result = r.record, .outputs = r.outputs};
  for (const std::string& label : r.repeated)
    out.text += fmt::format("{} was finished before and not run again\n", label);
  for (const fs::path& path : r.outputs) out.text += fmt::format("wrote {}\n", path.string());
  out.text += r.num_failed == 0 ? "every judged value is accepted\n"
                                : fmt::format("{} values are outside their range\n", r.num_failed);
  out.exit_code = r.num_failed == 0 ? 0 : 1;
  return out;
}

}  // namespace pear::cli
