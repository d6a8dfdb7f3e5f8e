#include "cli/command_experiment.h"

#include <fmt/format.h>

#include "base/log.h"
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

}  // namespace

CommandResult run_experiment(const Arguments& arguments) {
  const auto loaded = load_config(arguments);
  const forecast::RunConfig& config = loaded.config;
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
