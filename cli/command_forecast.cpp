#include "cli/command_forecast.h"

#include <fmt/format.h>

#include "base/log.h"
#include "cli/requests.h"
#include "distributed/communicator.h"
#include "forecast/config/make_model.h"

namespace pear::cli {
namespace {

nlohmann::json leads_json(const std::vector<Duration>& leads) {
  nlohmann::json out = nlohmann::json::array();
  for (Duration lead : leads) out.push_back(format_duration(lead));
  return out;
}

CommandResult plan(const forecast::RunConfig& config, const forecast::NamedModel& named,
                   const forecast::RolloutResult& p) {
  CommandResult out;
  out.text = resolved_text(config) +
             fmt::format("\n# plan\nmodel           {} ({})\nforecasts       {} files, {} of them there already\n",
                         named.model->name(), named.source, p.files.size(), p.num_skipped);
  out.text +=
      fmt::format("leads           {} to {}, {} of them\nfolder          {}\n", format_duration(p.leads.front()),
                  format_duration(p.leads.back()), p.leads.size(), p.folder.string());
  nlohmann::json files = nlohmann::json::array();
  for (const auto& file : p.files) files.push_back(file.string());
  out.result = {{"model", named.model->name()},
                {"source", named.source},
                {"would_write", files},
                {"leads", leads_json(p.leads)},
                {"up_to_date", p.num_skipped}};
  return out;
}

}  // namespace

CommandResult run_forecast(const Arguments& arguments) {
  const auto loaded = load_config(arguments);
  const forecast::RunConfig& config = loaded.config;
  forecast::RolloutRequest request = rollout_request(config);
  forecast::require_keys(
      "forecast",
      {{"forecast.init (or data.test)", !request.config.init.empty() || !config.forecast.initial_file.empty()},
       {"forecast.lead", config.forecast.lead.seconds > 0},
       {"data.store (or forecast.initial_file)", !config.data.store.empty() || !config.forecast.initial_file.empty()}});
  const forecast::DeviceChoice device = forecast::choose_device(config.run.device);
  request.device = device.device;
  if (!config.data.store.empty()) request.store = io::Store::open(config.data.store.str());
  const forecast::NamedModel named = forecast::make_forecast_model(
      config, request.store, device.device, arguments.dry_run ? forecast::ModelUse::Plan : forecast::ModelUse::Run);
  request.model_id = named.id;
  const forecast::RolloutResult planned = forecast::plan_rollout(*named.model, request);
  if (arguments.dry_run) return plan(config, named, planned);

  request.communicator = arguments.communicator;
  if (!arguments.communicator || arguments.communicator->is_leader()) begin_run(config);
  log_info("device {}", device.reason);
  log_info("model {} from {}", named.model->name(), named.source);
  const forecast::RolloutResult r = forecast::rollout(*named.model, request);
  CommandResult out{.outputs = r.files};
  out.text = r.num_written == 0 ? fmt::format("up to date: {} forecast files in {}\n", r.num_skipped, r.folder.string())
                                : fmt::format("wrote {} forecast files ({} were there already) to {}\n", r.num_written,
                                              r.num_skipped, r.folder.string());
  out.result = {{"model", named.model->name()}, {"folder", r.folder.string()},  {"written", r.num_written},
                {"skipped", r.num_skipped},     {"leads", leads_json(r.leads)}, {"definition_id", r.definition_id}};
  return out;
}

}  // namespace pear::cli
