#include "forecast/config/preflight.h"

#include <ATen/ops/randn.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <filesystem>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "forecast/model/pear.h"
#include "forecast/train/autocast.h"
#include "forecast/train/checkpoint_saver.h"
#include "forecast/train/loss.h"
#include "forecast/train/session.h"
#include "forecast/train/session_state.h"
#include "forecast/train/slot_plan.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr double kGuessedBytesPerSecond = 50e6;

/// The nearest folder above `path` that exists, if files may be made in it: the file system that a run will write to.
fs::path writable_near(const fs::path& path) {
  fs::path at = fs::absolute(path);
  while (!fs::exists(at) && at != at.parent_path()) at = at.parent_path();
  return is_writable_directory(at) ? at : fs::temp_directory_path();
}

/// A folder that exists as long as this object.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& parent) {
    std::string name = (parent / ".pear_preflight_XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
      throw DataError("WriteFailed", "check", {.what = "cannot make a folder in " + parent.string()});
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// The same network and data as a new run that begins in `folder` and keeps nothing.
TrainRequest trial_of(const TrainRequest& request, const fs::path& folder) {
  TrainRequest trial = request;
  trial.run_dir = folder;
  trial.mode = StartMode::Fresh;
  trial.start_path.clear();
  trial.data.select = {};
  trial.data_axis = nullptr;
  return trial;
}

/// The best of three after one that pays for fresh memory.
double best_time(const std::function<void()>& work) {
  work();
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 3; ++i) {
    const auto start = Clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

State random_state(const StateLayout& layout, int64_t batch, torch::Device device) {
  const auto options = torch::TensorOptions(torch::kFloat32).device(device);
  const int64_t cells = layout.grid.num_cells();
  State state;
  if (layout.num_surface() > 0) state.surface = at::randn({batch, layout.num_surface(), cells}, options);
  if (layout.num_upper() > 0) state.upper = at::randn({batch, layout.num_upper(), layout.num_levels(), cells}, options);
  return state;
}

/// Work on a device is over when a value of its result is here.
void wait_for(const torch::Tensor& t) { t.detach().flatten()[0].item<float>(); }

void time_parts(Preflight& p, const TrainRequest& trial) {
  Session session = make_session(trial);
  const Loss loss(trial.train.loss, session.layout, trial.device);
  const State state = random_state(session.layout, p.slot_samples, trial.device);
  const int64_t steps = trial.train.rollout.max_steps();
  p.slot_seconds = best_time([&] {
    torch::Tensor total;
    {
      const Autocast autocast(trial.device.type(), trial.precision == "bf16");
      total = loss(session.model->predict_normalised(state), state).total;
    }
    total.backward();
    wait_for(session.parameters->gradient());
  });
  p.slot_seconds *= static_cast<double>(steps);
  p.update_seconds = best_time([&] {
    session.optimizer->step(*session.parameters, 0.0);
    if (session.ema) session.ema->update(*session.parameters, session.optimizer->num_updates());
    wait_for(session.parameters->values());
  });
  CheckpointConfig at_once = trial.checkpoint;
  at_once.async = false;
  CheckpointSaver saver(session.checkpoint_dir(), at_once, std::make_shared<DataAxis>());
  saver.save(part_of(session, DataAxis(), /*copies=*/false), {}, "loss");
  p.checkpoint_seconds = saver.whole_seconds();
}

Preflight::Measured short_run(const TrainRequest& trial, int64_t steps) {
  TrainRequest run = trial;
  run.train.stop_at_step = steps + 1;  // the first one pays for fresh memory; a median does not see it
  run.train.log_every = std::max<int64_t>(run.train.log_every, steps + 2);
  run.checkpoint.every_steps = 0;
  run.checkpoint.every_minutes = 0;
  restart_peak();
  const TrainResult result = train(run);
  return {result.steps, result.median_step_seconds, peak_resident_bytes(), result.checkpoint_seconds};
}

}  // namespace

int64_t gradient_bytes(int64_t num_parameters, int64_t slots_per_rank, int64_t ranks) {
  if (ranks == 1) return 0;
  const int64_t subtrees = std::popcount(static_cast<uint64_t>(slots_per_rank));
  const int64_t shard = (num_parameters + ranks - 1) / ranks * static_cast<int64_t>(sizeof(float));
  return (ranks - 1) * shard * (subtrees + 1);
}

double stop_seconds(double seconds_per_step, double checkpoint_seconds, const CheckpointConfig& config) {
  return 2 * seconds_per_step + (config.async ? 2 : 1) * checkpoint_seconds;
}

double guessed_checkpoint_seconds(const TrainingPlan& plan) {
  return static_cast<double>(plan.checkpoint_bytes) / kGuessedBytesPerSecond;
}

double error_percent(double predicted, double measured) { return 100 * (predicted / measured - 1); }

int64_t shared_sample_bytes(const TrainRequest& request, const StateLayout& layout) {
  const int64_t parts = request.parallel.mesh.domain;
  if (parts == 1) return 0;
  const auto again = request.train.checkpointed_stages();
  const auto by_stage = exchange_bytes(request.model, layout, parts);
  int64_t bytes = 0;
  for (size_t stage = 0; stage < by_stage.size(); ++stage) {
    const bool is_again = std::find(again.begin(), again.end(), static_cast<int64_t>(stage)) != again.end();
    bytes += by_stage[stage] * (is_again ? 3 : 2);
  }
  return request.train.rollout.max_steps() * bytes;
}

Preflight preflight_training(const TrainRequest& request, const TrainingPlan& plan, const PreflightOptions& options) {
  const auto mesh = distributed::resolve_mesh(request.parallel.mesh, options.ranks);
  const SlotPlan slots = plan_slots(request.train, request.reproducible, 0, mesh.data);
  Preflight p{.ranks = options.ranks,
              .slots_per_rank = slots.last_slot - slots.first_slot,
              .slot_samples = slots.batch,
              .memory_per_rank_bytes = plan.memory_bytes};
  p.store_bytes = static_cast<int64_t>(request.store->times().size()) * plan.layout.num_channels() *
                  plan.layout.grid.num_cells() * static_cast<int64_t>(sizeof(float));
  p.bytes_per_step = gradient_bytes(plan.num_parameters, p.slots_per_rank, p.ranks) +
                     p.slots_per_rank * p.slot_samples * shared_sample_bytes(request, plan.layout);
  const fs::path parent = writable_near(request.run_dir);
  {
    const TemporaryFolder folder(parent);
    time_parts(p, trial_of(request, folder.path()));
    p.slot_seconds /= static_cast<double>(mesh.domain);  // windows are shared evenly
  }
  if (options.steps > 0) {
    const TemporaryFolder folder(parent);
    p.measured = short_run(trial_of(request, folder.path()), options.steps);
  }
  p.communication_seconds = static_cast<double>(p.bytes_per_step) / (options.bandwidth_gb_per_s * 1e9);
  p.seconds_per_step =
      static_cast<double>(p.slots_per_rank) * p.slot_seconds + p.update_seconds + p.communication_seconds;
  p.total_hours = p.seconds_per_step * static_cast<double>(plan.total_steps) / 3600;
  return p;
}

nlohmann::json preflight_json(const Preflight& p) {
  nlohmann::json out{{"ranks", p.ranks},
                     {"slots_per_rank", p.slots_per_rank},
                     {"slot_samples", p.slot_samples},
                     {"memory_per_rank_bytes", p.memory_per_rank_bytes},
                     {"store_bytes", p.store_bytes},
                     {"bytes_per_step", p.bytes_per_step},
                     {"slot_seconds", p.slot_seconds},
                     {"update_seconds", p.update_seconds},
                     {"communication_seconds", p.communication_seconds},
                     {"seconds_per_step", p.seconds_per_step},
                     {"total_hours", p.total_hours},
                     {"checkpoint_seconds", p.checkpoint_seconds}};
  if (!p.measured) return out;
  out["measured"] = {{"steps", p.measured->steps},
                     {"seconds_per_step", p.measured->seconds_per_step},
                     {"peak_bytes", p.measured->peak_bytes},
                     {"checkpoint_seconds", p.measured->checkpoint_seconds}};
  if (p.ranks == 1) {
    out["seconds_error_percent"] = error_percent(p.seconds_per_step, p.measured->seconds_per_step);
    out["memory_error_percent"] =
        error_percent(static_cast<double>(p.memory_per_rank_bytes), static_cast<double>(p.measured->peak_bytes));
  }
  return out;
}

}  // namespace pear::forecast
