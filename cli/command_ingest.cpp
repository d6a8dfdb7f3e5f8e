#include "cli/command_ingest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/log.h"
#include "cli/ingest_request.h"
#include "cli/requests.h"

namespace pear::cli {
namespace {

nlohmann::json missing_json(const std::vector<std::pair<Time, std::string>>& missing) {
  nlohmann::json out = nlohmann::json::array();
  for (const auto& [time, reason] : missing) out.push_back({{"time", format_time(time)}, {"reason", reason}});
  return out;
}

std::string missing_text(const std::vector<std::pair<Time, std::string>>& missing) {
  std::string text;
  for (const auto& [time, reason] : missing)
    text += fmt::format("missing         {} ({})\n", format_time(time), reason);
  return text;
}

CommandResult plan(const forecast::RunConfig& config, const forecast::IngestRequest& request) {
  const forecast::IngestPlan p = forecast::plan_ingest(request);
  CommandResult out;
  out.text = resolved_text(config) + "\n# plan\n";
  out.text += fmt::format("sources         {} files on {}\n", p.files.size(), fmt::join(p.source_grids, ", "));
  out.text += fmt::format("store           {}: {} times x {} channels x {} cells on {}, {}\n", request.store.string(),
                          p.times.size(), p.num_channels, p.num_cells, request.grid.spec(),
                          format_bytes(static_cast<double>(p.store_bytes)));
  out.text += missing_text(p.missing);
  for (const std::string& problem : p.problems) out.text += "problem         " + problem + "\n";
  out.result = {{"files", p.files.size()},
                {"source_grids", p.source_grids},
                {"times", p.times.size()},
                {"channels", p.num_channels},
                {"cells", p.num_cells},
                {"bytes", p.store_bytes},
                {"missing", missing_json(p.missing)},
                {"problems", p.problems},
                {"would_write", {request.store.string()}}};
  return out;
}

}  // namespace

CommandResult run_ingest(const Arguments& arguments) {
  const auto loaded = load_config(arguments);
  const forecast::RunConfig& config = loaded.config;
  forecast::require_keys("ingest", {{"data.sources", !config.data.sources.empty()},
                                    {"data.store", !config.data.store.empty()},
                                    {"data.variables", !config.data.variables.empty()}});
  const forecast::IngestRequest request = ingest_request(config);
  if (arguments.dry_run) return plan(config, request);

  log_info("store {} on {}", request.store.string(), request.grid.spec());
  const forecast::IngestReport r = forecast::ingest(request);
  CommandResult out{.outputs = {request.store}};
  if (r.up_to_date)
    out.text = fmt::format("up to date: {} times in {}\n", r.times_present, request.store.string());
  else
    out.text = fmt::format("wrote {} of {} times to {}{}\n", r.times_written, r.times_requested, request.store.string(),
                           r.finalised ? "" : " (not finalised yet)");
  out.text += missing_text(r.missing);
  for (const std::string& problem : r.problems) log_warn("{}", problem);
  out.result = {
      {"store", request.store.string()},  {"times_requested", r.times_requested}, {"times_written", r.times_written},
      {"times_present", r.times_present}, {"missing", missing_json(r.missing)},   {"problems", r.problems},
      {"finalised", r.finalised},         {"up_to_date", r.up_to_date},           {"fingerprint", r.fingerprint}};
  return out;
}

}  // namespace pear::cli
