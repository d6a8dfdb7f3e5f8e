#include "cli/command_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/progress.h"
#include "cli/ingest_request.h"
#include "cli/requests.h"
#include "forecast/config/cross_checks.h"
#include "forecast/config/make_model.h"
#include "forecast/config/preflight.h"
#include "forecast/config/training_plan.h"

namespace pear::cli {
namespace {

namespace fs = std::filesystem;

/// A list of findings; a failed one does not stop the others.
class Findings {
 public:
  void add(const std::string& name, bool ok, const std::string& text) {
    text_ += fmt::format("{:<5} {:<12} {}\n", ok ? "ok" : "FAIL", name, text);
    json_.push_back({{"check", name}, {"ok", ok}, {"text", text}});
    failed_ += ok ? 0 : 1;
  }
  /// Runs `work`; what it throws becomes a failed finding.
  void attempt(const std::string& name, const std::function<std::string()>& work) {
    try {
      add(name, true, work());
    } catch (const Error& e) {
      add(name, false, e.what());
    }
  }
  /// Numbers of their own in the machine-readable result.
  void add_numbers(const nlohmann::json& numbers) { numbers_.update(numbers); }
  CommandResult result(const std::string& verb) const {
    CommandResult out{.text = text_, .result = {{"verb", verb}, {"checks", json_}, {"failed", failed_}}};
    out.result.update(numbers_);
    out.text += failed_ == 0 ? fmt::format("ready for pear {}\n", verb) : fmt::format("{} checks failed\n", failed_);
    out.exit_code = failed_ == 0 ? 0 : 1;
    return out;
  }

 private:
  std::string text_;
  nlohmann::json json_ = nlohmann::json::array(), numbers_ = nlohmann::json::object();
  int failed_ = 0;
};

/// Whether the folder, or the nearest parent that exists, can be written, without making anything.
std::string check_writable(const fs::path& folder) {
  fs::path at = fs::absolute(folder);
  while (!fs::exists(at) && at != at.parent_path()) at = at.parent_path();
  if (!fs::is_directory(at) || !is_writable_directory(at))
    throw DataError("NotWritable", "check", {.what = fmt::format("cannot write to {}", at.string())});
  return fmt::format("{} can be written, {} free", folder.string(),
                     format_bytes(static_cast<double>(free_space(folder))));
}

void check_store(Findings& f, const forecast::RunConfig& config, std::shared_ptr<const io::Store>& store) {
  f.attempt("store", [&] {
    forecast::require_keys("check", {{"data.store", !config.data.store.empty()}});
    store = io::Store::open(config.data.store.str());
    return fmt::format("{}: {}, {} channels, {} times", config.data.store.str(), store->layout().grid.spec(),
                       store->layout().num_channels(), store->times().size());
  });
  if (!store) return;
  f.attempt("fit", [&] {
    forecast::check_config_fits_store(config, *store);
    return std::string("grid, variables and levels are in the store");
  });
  for (const auto& cover : forecast::cover_of_periods(config, *store))
    f.add("period", cover.num_present > 0 && (cover.missing.empty() || store->layout().missing_times == "skip"),
          fmt::format("{}: {} of {} times in the store{}", cover.key, cover.num_present, cover.num_asked,
                      cover.missing.empty() ? "" : ", first missing " + format_time(cover.missing.front())));
}

/// Steps are often shorter than a second.
std::string short_time(double seconds) {
  return seconds < 60 ? fmt::format("{:.3g} s", seconds) : format_seconds(seconds);
}

std::string time_text(const forecast::Preflight& p) {
  return fmt::format(
      "{} per step on {} rank{} ({} x {} forward and backward, {} update, {} for {} to other ranks), {} in all",
      short_time(p.seconds_per_step), p.ranks, p.ranks == 1 ? "" : "s", p.slots_per_rank, short_time(p.slot_seconds),
      short_time(p.update_seconds), short_time(p.communication_seconds),
      format_bytes(static_cast<double>(p.bytes_per_step)), format_seconds(3600 * p.total_hours));
}

/// Predicted against measured in one process.
std::string measured_text(const forecast::Preflight& p) {
  const auto& m = *p.measured;
  std::string text =
      fmt::format("{} steps: {} per step, at most {}, {} per checkpoint", m.steps, short_time(m.seconds_per_step),
                  format_bytes(static_cast<double>(m.peak_bytes)), short_time(m.checkpoint_seconds));
  if (p.ranks == 1)
    text += fmt::format(
        "; the prediction is off by {:+.0f} % in time, {:+.0f} % in memory",
        forecast::error_percent(p.seconds_per_step, m.seconds_per_step),
        forecast::error_percent(static_cast<double>(p.memory_per_rank_bytes), static_cast<double>(m.peak_bytes)));
  return text;
}

/// Whether a job is told early enough to stop. Nothing for a run without jobs.
void check_lead(Findings& f, const forecast::LoadedConfig& loaded, const forecast::TrainingPlan& plan,
                const std::optional<forecast::Preflight>& ahead) {
  if (loaded.slurm.site.empty() && loaded.slurm.time.seconds == 0) return;
  const auto& when = loaded.config.checkpoint;
  const double step = ahead ? ahead->seconds_per_step : 0;
  const double checkpoint = !ahead            ? forecast::guessed_checkpoint_seconds(plan)
                            : ahead->measured ? ahead->measured->checkpoint_seconds
                                              : ahead->checkpoint_seconds;
  const double needed = forecast::stop_seconds(step, checkpoint, when);
  const auto lead = loaded.slurm.signal_lead;
  f.add("signal lead", static_cast<double>(lead.seconds) >= needed,
        fmt::format("slurm.signal_lead = {}, a stop needs {}: {} x {} for a checkpoint ({}), {}", format_duration(lead),
                    short_time(needed), when.async ? 2 : 1, short_time(checkpoint),
                    !ahead            ? "guessed from its size"
                    : ahead->measured ? "measured"
                                      : "timed here",
                    ahead ? fmt::format("2 x {} for a step", short_time(step)) : "steps not timed"));
}

void check_training(Findings& f, const forecast::LoadedConfig& loaded, const Arguments& arguments,
                    const std::shared_ptr<const io::Store>& store) {
  if (!store) return;
  const forecast::RunConfig& config = loaded.config;
  f.attempt("plan", [&] {
    const forecast::TrainingPlan p = forecast::plan_training(config, *store);
    const double free = static_cast<double>(free_space(config.run.folder()));
    f.add("disk", static_cast<double>(p.disk_bytes) < free,
          fmt::format("{} needed, {} free", format_bytes(static_cast<double>(p.disk_bytes)), format_bytes(free)));
    const bool fits = p.memory_bytes < p.machine_memory_bytes || p.machine_memory_bytes == 0;
    f.add("memory", fits,
          fmt::format("about {} needed, {} in the machine", format_bytes(static_cast<double>(p.memory_bytes)),
                      format_bytes(static_cast<double>(p.machine_memory_bytes))));
    std::optional<forecast::Preflight> measured;
    if (fits && config.check.probe)
      f.attempt("time", [&] {
        forecast::TrainRequest request = train_request(config, arguments);
        request.device = forecast::choose_device(config.run.device).device;
        request.store = store;
        const auto ahead = forecast::preflight_training(
            request, p,
            {.ranks = config.check.ranks, .bandwidth_gb_per_s = config.check.bandwidth, .steps = config.check.steps});
        f.add_numbers(forecast::preflight_json(ahead));
        if (ahead.measured) f.add("short run", true, measured_text(ahead));
        measured = ahead;
        return time_text(ahead);
      });
    check_lead(f, loaded, p, measured);
    return fmt::format("{} parameters, {} pairs, {} steps per epoch, {} in all", p.num_parameters, p.num_pairs,
                       p.steps_per_epoch, p.total_steps);
  });
}

void check_forecast(Findings& f, const forecast::RunConfig& config, const std::shared_ptr<const io::Store>& store) {
  f.attempt("forecast", [&] {
    forecast::RolloutRequest request = rollout_request(config);
    request.store = store;
    const auto named = forecast::make_forecast_model(config, store, torch::kCPU, forecast::ModelUse::Plan);
    request.model_id = named.id;
    const auto planned = forecast::plan_rollout(*named.model, request);
    return fmt::format("{} from {}: {} files, {} leads", named.model->name(), named.source, planned.files.size(),
                       planned.leads.size());
  });
}

void check_ingest(Findings& f, const forecast::RunConfig& config) {
  f.attempt("keys", [&] {
    forecast::require_keys("ingest", {{"data.sources", !config.data.sources.empty()},
                                      {"data.store", !config.data.store.empty()},
                                      {"data.variables", !config.data.variables.empty()}});
    return std::string("sources, store and variables are named");
  });
  if (config.data.store.empty()) return;
  f.attempt("store", [&] { return check_writable(config.data.store.str()); });
  f.attempt("sources", [&] {
    const auto request = ingest_request(config);
    const forecast::IngestPlan p = forecast::plan_ingest(request);
    const double needed = static_cast<double>(p.store_bytes), free = static_cast<double>(free_space(request.store));
    f.add("disk", needed < free, fmt::format("{} needed, {} free", format_bytes(needed), format_bytes(free)));
    f.add("times", p.missing.empty() || config.ingest.missing_times == "skip",
          fmt::format("{} complete in the sources, {} missing", p.times.size(), p.missing.size()));
    return fmt::format("{} files on {}", p.files.size(), fmt::join(p.source_grids, ", "));
  });
}

}  // namespace

CommandResult run_check(const Arguments& arguments) {
  auto loaded = load_config(arguments);
  if (!loaded.slurm.site.empty()) loaded.slurm = forecast::load_job_config(config_input(arguments)).slurm;
  const forecast::RunConfig& config = loaded.config;
  const std::string& verb = config.check.verb;
  Findings f;
  f.add("config", true, fmt::format("{} is valid", arguments.paths.front().string()));
  f.attempt("device", [&] { return forecast::choose_device(config.run.device).reason; });
  f.attempt("run folder", [&] { return check_writable(config.run.folder()); });
  if (verb == "ingest") {
    check_ingest(f, config);
    return f.result(verb);
  }
  std::shared_ptr<const io::Store> store;
  check_store(f, config, store);
  if (verb == "train") check_training(f, loaded, arguments, store);
  if (verb == "forecast") check_forecast(f, config, store);
  if (verb == "score")
    f.add("forecasts", fs::is_directory(fs::path(config.run.folder()) / "forecasts"),
          fmt::format("{}/forecasts", config.run.folder()));
  return f.result(verb);
}

}  // namespace pear::cli
