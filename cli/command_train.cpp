#include "cli/command_train.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/config/writer.h"
#include "base/files.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/stop_watchdog.h"
#include "cli/data_axis.h"
#include "cli/requests.h"
#include "distributed/communicator.h"
#include "forecast/config/cross_checks.h"
#include "forecast/config/training_plan.h"

namespace pear::cli {
namespace {

CommandResult plan(const forecast::RunConfig& config, const forecast::TrainRequest& request,
                   const forecast::DeviceChoice& device) {
  const forecast::TrainingPlan p = forecast::plan_training(config, *request.store);
  CommandResult out;
  out.text = resolved_text(config) + "\n# plan\n" + forecast::plan_text(p) +
             fmt::format("device          {}\nrun folder      {}\n", device.reason, request.run_dir.string());
  out.result = forecast::plan_json(p);
  out.result["config"] = request.resolved_config;
  out.result["would_write"] = {(request.run_dir / "checkpoints").string(), (request.run_dir / "metrics.csv").string(),
                               (request.run_dir / "metrics.jsonl").string(), (request.run_dir / "config.yaml").string(),
                               (request.run_dir / "run.log").string()};
  return out;
}

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

/// Called from the watchdog's thread: nothing else can end a process that sits in a call for ever.
void give_up(double grace_s) {
  const auto launch = distributed::detect_launch();
  fmt::print(
      stderr,
      "{}[run.stop] no progress for run.grace_s = {:g} after a stop signal. Hint: another rank has died or hangs, "
      "or a micro-batch takes longer; the last checkpoint is whole\n",
      launch.size > 1 ? distributed::rank_label(launch) + " " : "", grace_s);
  std::fflush(stderr);
  std::_Exit(1);
}

}  // namespace

CommandResult run_train(const Arguments& arguments) {
  const auto loaded = load_config(arguments);
  const forecast::RunConfig& config = loaded.config;
  forecast::require_keys("train",
                         {{"data.store", !config.data.store.empty()}, {"data.train", !config.data.train.empty()}});
  const forecast::DeviceChoice device = choose_rank_device(config, arguments);
  forecast::TrainRequest request = train_request(config, arguments);
  request.device = device.device;
  request.store = io::Store::open(config.data.store.str());
  forecast::check_config_fits_store(config, *request.store);
  if (arguments.dry_run) return plan(config, request, device);

  if (device.device.is_cpu()) forecast::require_memory(forecast::estimate_training_memory(config, *request.store));

  request.data_axis = open_data_axis(config, arguments, device);
  if (!arguments.communicator || arguments.communicator->is_leader()) {
    begin_run(config);
    log_info("device {}", device.reason);
    write_file_atomic(request.run_dir / "config.yaml", to_yaml(config));
  }
  std::optional<StopWatchdog> watchdog;
  if (config.run.grace_s > 0) {
    watchdog.emplace(milliseconds_of(config.run.grace_s), [&] { give_up(config.run.grace_s); });
    request.on_progress = [&] { watchdog->beat(); };
  }
  const forecast::TrainResult r = forecast::train(request);
  CommandResult out;
  out.outputs = {r.last_checkpoint, r.best_checkpoint, request.run_dir / "metrics.csv"};
  out.text = fmt::format("trained {} of {} steps in {}, loss {:.4g}\n", r.steps, r.total_steps,
                         format_seconds(r.seconds), r.last_loss);
  if (r.best_value)
    out.text += fmt::format("best {} {:.4g} at step {}\n", r.best_metric, *r.best_value, r.best_step.value_or(0));
  out.text += fmt::format("checkpoint {}\n", r.last_checkpoint.string());
  out.result = {{"steps", r.steps},
                {"total_steps", r.total_steps},
                {"loss", r.last_loss},
                {"parameters", r.num_parameters},
                {"seconds", r.seconds},
                {"seconds_per_step", r.median_step_seconds},
                {"device", device.device.str()},
                {"last_checkpoint", r.last_checkpoint.string()},
                {"best_checkpoint", r.best_checkpoint.string()}};
  if (r.best_value)
    out.result["best"] = {{"metric", r.best_metric}, {"value", *r.best_value}, {"step", r.best_step.value_or(0)}};
  return out;
}

}  // namespace pear::cli
