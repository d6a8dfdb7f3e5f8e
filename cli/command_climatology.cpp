#include "cli/command_climatology.h"

#include <fmt/format.h>

#include "base/log.h"
#include "cli/requests.h"
#include "forecast/config/climatology_request.h"
#include "forecast/config/cross_checks.h"

namespace pear::cli {
namespace {

namespace fs = std::filesystem;

std::string kind_text(const forecast::ClimatologyPlan& p) {
  return p.reason.empty() ? to_string(p.kind) : fmt::format("{} (auto: {})", to_string(p.kind), p.reason);
}

nlohmann::json summary(const forecast::ClimatologyPlan& p) {
  return {{"kind", to_string(p.kind)}, {"reason", p.reason}, {"times", p.times.size()},   {"missing", p.num_missing},
          {"definition_id", p.id},     {"bytes", p.bytes},   {"definition", p.definition}};
}

std::string plan_text(const forecast::ClimatologyPlan& p) {
  return fmt::format(
      "kind            {}\nperiod          {} to {}, {} times, {} not in the store\n"
      "file            {}, {}\n",
      kind_text(p), format_time(p.times.front()), format_time(p.times.back()), p.times.size(), p.num_missing,
      p.file.string(), format_bytes(static_cast<double>(p.bytes)));
}

}  // namespace

CommandResult run_climatology(const Arguments& arguments) {
  const auto loaded = load_config(arguments);
  const forecast::RunConfig& config = loaded.config;
  const bool has_period = !config.data.train.empty() || !config.climatology.period.empty();
  forecast::require_keys(
      "climatology", {{"data.store", !config.data.store.empty()}, {"data.train (or climatology.period)", has_period}});
  const auto store = io::Store::open(config.data.store.str());
  forecast::check_config_fits_store(config, *store);
  const forecast::ClimatologyRequest request = forecast::climatology_request(config, store);
  const forecast::ClimatologyPlan p = forecast::plan_climatology(request);
  CommandResult out{.text = plan_text(p), .result = summary(p)};
  if (!config.data.test.empty())
    if (const auto text = forecast::overlap_warning(p.definition, config.data.test.times(), "data.test"); !text.empty())
      log_warn("{}", text);
  if (arguments.dry_run) {
    out.text = resolved_text(config) + "\n# plan\n" + out.text;
    out.result["would_write"] = {p.file.string()};
    return out;
  }
  const auto before = fs::exists(p.file) ? fs::last_write_time(p.file) : fs::file_time_type::min();
  begin_run(config);
  (void)forecast::make_climatology(request);
  const bool up_to_date = fs::last_write_time(p.file) == before;
  out.outputs = {p.file};
  out.result["up_to_date"] = up_to_date;
  out.text +=
      up_to_date ? "up to date: the same climatology was there already\n" : fmt::format("wrote {}\n", p.file.string());
  return out;
}

}  // namespace pear::cli
