#include "forecast/train/trainer.h"

#include <ATen/Context.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/signals.h"
#include "forecast/train/checkpoint_saver.h"
#include "forecast/train/metrics_log.h"
#include "forecast/train/sample_plan.h"
#include "forecast/train/schedule.h"
#include "forecast/train/session_state.h"
#include "forecast/train/synchronise.h"
#include "forecast/train/train_step.h"
#include "forecast/train/validation.h"

namespace pear::forecast {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }
constexpr double kGib = 1073741824.0;
constexpr size_t kStepsTimed = 1000;  ///< the first ones; a median needs no more

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::vector<std::string> metric_columns(const StateLayout& layout) {
  std::vector<std::string> columns{"kind",      "step",          "epoch",     "loss",      "lr",
                                   "grad_norm", "samples_per_s", "data_wait", "comm_wait", "val_loss"};
  for (const char* prefix : {"loss_", "rmse_", "persistence_"})
    for (const auto& channel : layout.channel_names()) columns.push_back(prefix + channel);
  return columns;
}

/// The step loop over a session.
class Trainer {
 public:
  Trainer(Session session, std::shared_ptr<DataAxis> axis);
  TrainResult run();

 private:
  void advance(TrainStep& step, Loader& loader);
  void log_step(const StepResult& result, double lr, const Loader& loader);
  bool is_validation_due() const;
  bool validate_now();
  /// What a rank wants, or any of them.
  struct Wishes {
    bool stops = false, saves = false;
    CheckpointSaver::Status saver;
  };
  Wishes of_all_ranks();
  bool is_checkpoint_due(bool is_new_best) const;
  void save();
  void step_through(TrainStep& step, Loader& loader);
  /// Checkpoint under way: complete before the run ends.
  void finish_saving();
  TrainResult result(double seconds) const;
  void report_progress() const {
    if (session_.request.on_progress) session_.request.on_progress();
  }
  bool is_leader() const { return axis_->rank() == 0; }
  FieldSelection own_fields() const { return {session_.layout, session_.domain}; }
  const TrainConfig& config() const { return session_.request.train; }

  Session session_;
  std::shared_ptr<DataAxis> axis_;
  Augmentation augmentation_;
  Dataset train_set_;
  std::optional<Dataset> select_set_;
  SamplePlan samples_;
  Loss loss_;
  CheckpointSaver saver_;
  std::optional<MetricsLog> metrics_;  ///< on rank 0
  std::vector<std::string> channels_;
  int64_t total_steps_ = 0, last_step_ = 0, saved_step_ = -1;
  Clock::time_point last_save_ = Clock::now(), window_start_ = Clock::now();
  double window_wait_ = 0, window_comm_wait_ = 0;
  int64_t window_first_step_ = 0;
  std::vector<double> step_seconds_;
  double save_wait_ = 0;  ///< seconds that training waited for checkpoints
  int64_t num_saved_ = 0;
};

Trainer::Trainer(Session session, std::shared_ptr<DataAxis> axis)
    : session_(std::move(session)),
      axis_(std::move(axis)),
      augmentation_(config().augment, session_.layout, session_.request.seed),
      train_set_(session_.store,
                 // Symmetries of the sphere bring cells from everywhere.
                 augmentation_.is_on() ? FieldSelection(session_.layout) : own_fields(), session_.request.data.train,
                 session_.request.data, "train"),
      samples_(config(), session_.request.seed,
               [this](int64_t steps) {
                 train_set_.add_rollout(steps);
                 return train_set_.size(steps);
               }),
      loss_(config().loss, session_.layout, session_.request.device),
      saver_(session_.checkpoint_dir(), session_.request.checkpoint, axis_),
      channels_(session_.layout.channel_names()) {
  const auto& request = session_.request;
  if (!request.data.select.empty())
    select_set_.emplace(session_.store, own_fields(), request.data.select, request.data, "select");
  total_steps_ = samples_.total_steps();
  last_step_ = config().stop_at_step > 0 ? std::min(total_steps_, config().stop_at_step) : total_steps_;
  if (is_leader()) {
    metrics_.emplace(request.run_dir, metric_columns(session_.layout), session_.progress.step);
    if (request.mode == StartMode::Resume)
      saver_.rewind(session_.progress.step, session_.progress.best, config().best_metric);
  }
  if (session_.progress.step > 0 && request.mode == StartMode::Resume) saved_step_ = session_.progress.step;
  log_info("grid {}, {} channels, {} training pairs{}, {} selection pairs", session_.layout.grid.spec(),
           session_.layout.num_channels(), train_set_.size(), train_set_.is_resident() ? " in memory" : "",
           select_set_ ? select_set_->size() : 0);
  log_info("model {} with {} parameters on {}, {}; {} steps of {} samples, {} per epoch", request.model.name,
           session_.parameters->num_parameters(), request.device.str(), request.precision, total_steps_,
           config().slots * config().batch, samples_.steps_per_epoch(0));
  if (config().rollout.max_steps() > 1)
    for (int64_t step : samples_.phase_starts())
      log_info("from step {}: samples of {} model steps, {} of them, {} steps per epoch", step,
               samples_.rollout_of(step), train_set_.size(samples_.rollout_of(step)), samples_.steps_per_epoch(step));
}

bool Trainer::is_validation_due() const {
  if (!select_set_) return false;
  const int64_t n = session_.progress.step;
  if (n == total_steps_) return true;
  if (config().validate_every_steps > 0 && n % config().validate_every_steps == 0) return true;
  return samples_.ends_epochs(n, config().validate_every_epochs);
}

bool Trainer::validate_now() {
  std::optional<ScopedWeights> averaged;
  if (session_.ema && config().ema.use_in_validation)
    averaged.emplace(*session_.parameters, axis_->whole(session_.ema->average(), /*everywhere=*/true));
  const auto values = validate({*session_.model, *session_.normaliser, loss_, *select_set_, session_.request.device,
                                session_.request.on_progress},
                               *axis_);
  report_progress();
  const double value = values.metric(config().best_metric, channels_);
  auto& best = session_.progress.best;
  const bool is_new_best = best.empty() || value < best.front().value;
  best.insert(
      std::upper_bound(best.begin(), best.end(), value, [](double v, const BestEntry& e) { return v < e.value; }),
      {session_.progress.step, value});
  best.resize(std::min<size_t>(best.size(), std::max<int64_t>(session_.request.checkpoint.keep_best, 1)));
  const bool is_kept = std::any_of(best.begin(), best.end(), [&](auto& e) { return e.step == session_.progress.step; });
  if (is_leader()) {
    auto row = values.row(channels_);
    row.update({{"kind", "validation"},
                {"step", session_.progress.step},
                {"epoch", samples_.epoch_of(session_.progress.step - 1)}});
    metrics_->write(row);
    std::string text;
    for (size_t c = 0; c < std::min<size_t>(channels_.size(), 4); ++c)
      text += fmt::format(" {} {:.4g} (persistence {:.4g})", channels_[c], values.rmse[c], values.persistence_rmse[c]);
    log_info("step {}/{} validation loss {:.4f}{}; rmse{}", session_.progress.step, total_steps_, values.loss,
             is_new_best ? ", best so far" : "", text);
  }
  return is_kept && session_.request.checkpoint.keep_best > 0;
}

Trainer::Wishes Trainer::of_all_ranks() {
  const auto& when = session_.request.checkpoint;
  const auto mine = saver_.status();
  // One sum for all of them: it comes after every step.
  auto flags = torch::zeros({1, 4}, torch::kFloat64);
  auto* flag = flags.data_ptr<double>();
  flag[0] = stop_requested() ? 1 : 0;
  flag[1] = when.every_minutes > 0 && seconds_since(last_save_) > 60.0 * when.every_minutes ? 1 : 0;
  flag[2] = mine.is_busy ? 1 : 0;
  flag[3] = mine.has_failed ? 1 : 0;
  axis_->complete_rows(flags);
  flag = flags.data_ptr<double>();
  return {.stops = flag[0] > 0, .saves = flag[1] > 0, .saver = {.is_busy = flag[2] > 0, .has_failed = flag[3] > 0}};
}

bool Trainer::is_checkpoint_due(bool is_new_best) const {
  const auto& when = session_.request.checkpoint;
  return is_new_best || (when.every_steps > 0 && session_.progress.step % when.every_steps == 0);
}

void Trainer::save() {
  if (saved_step_ == session_.progress.step) return;
  const auto start = Clock::now();
  saver_.finish();  // before the copies of the next one are made
  saver_.save(part_of(session_, *axis_, saver_.is_background()), session_.progress.best, config().best_metric);
  report_progress();
  saved_step_ = session_.progress.step;
  last_save_ = Clock::now();
  save_wait_ += seconds_since(start);
  ++num_saved_;
}

void Trainer::finish_saving() {
  const auto start = Clock::now();
  saver_.finish();
  save_wait_ += seconds_since(start);
}

void Trainer::log_step(const StepResult& result, double lr, const Loader& loader) {
  auto& progress = session_.progress;
  progress.window_loss += result.loss;
  ++progress.window_steps;
  if (progress.step % config().log_every != 0 && progress.step != total_steps_) return;
  const double mean = progress.window_loss / static_cast<double>(progress.window_steps);
  progress.window_loss = 0;
  progress.window_steps = 0;
  if (!is_leader()) return;
  const double elapsed = std::max(seconds_since(window_start_), 1e-9);
  const int64_t steps = progress.step - window_first_step_;
  const double rate = static_cast<double>(steps * config().slots * config().batch) / elapsed;
  const double wait = (loader.wait_seconds() - window_wait_) / elapsed;
  const double left = elapsed / static_cast<double>(steps) * static_cast<double>(last_step_ - progress.step);
  nlohmann::json row{{"kind", "train"},
                     {"step", progress.step},
                     {"epoch", samples_.epoch_of(progress.step - 1)},
                     {"loss", mean},
                     {"lr", lr},
                     {"grad_norm", result.grad_norm}};
  for (size_t c = 0; c < channels_.size(); ++c) row["loss_" + channels_[c]] = result.channel_loss[c];
  const double comm_wait = (axis_->wait_seconds() - window_comm_wait_) / elapsed;
  if (!session_.request.reproducible) {
    row.update({{"samples_per_s", rate}, {"data_wait", wait}});
    if (axis_->size() > 1) row["comm_wait"] = comm_wait;
  }
  metrics_->write(row);
  log_info("step {}/{} loss {:.4f} lr {:.1e} |g| {:.2f} {:.0f} sample/s wait {:.1f}% mem {:.1f} GiB eta {}",
           progress.step, total_steps_, mean, lr, result.grad_norm, rate, 100 * wait,
           static_cast<double>(peak_resident_bytes()) / kGib, format_seconds(left));
  window_start_ = Clock::now();
  window_wait_ = loader.wait_seconds();
  window_comm_wait_ = axis_->wait_seconds();
  window_first_step_ = progress.step;
}

void Trainer::advance(TrainStep& step, Loader& loader) {
  const auto start = Clock::now();
  auto& s = session_;
  const double lr = config().lr * schedule_factor(config().schedule, s.progress.step, total_steps_);
  const StepResult result = step.run(loader);
  s.optimizer->step(*s.parameters, lr);
  if (s.ema) s.ema->update(*s.parameters, s.optimizer->num_updates());
  axis_->complete(s.parameters->values());
  ++s.progress.step;
  s.progress.last_loss = result.loss;
  log_step(result, lr, loader);
  if (step_seconds_.size() < kStepsTimed) step_seconds_.push_back(seconds_since(start));
}

TrainResult Trainer::run() {
  const auto start = Clock::now();
  const SlotPlan plan = plan_slots(config(), session_.request.reproducible, axis_->data_rank(), axis_->data_size());
  const int64_t first_step = std::min(session_.progress.step, last_step_);
  window_first_step_ = first_step;
  TrainStep step(session_, *axis_, plan);
  Loader loader(train_set_, samples_, augmentation_, plan, first_step, last_step_, session_.request.data.prefetch);
  window_start_ = Clock::now();
  try {
    while (session_.progress.step < last_step_) step_through(step, loader);
    save();
    finish_saving();
    if (num_saved_ > 0)
      log_info("{} checkpoints, for each of which training waited {:.3g} s", num_saved_,
               save_wait_ / static_cast<double>(num_saved_));
  } catch (const DataError& e) {
    // Where all ranks come with this error the checkpoint under way is worth its end.
    if (e.code() == "NonFinite") finish_saving();
    throw;
  }
  return result(seconds_since(start));
}

void Trainer::step_through(TrainStep& step, Loader& loader) {
  advance(step, loader);
  const bool is_new_best = is_validation_due() && validate_now();
  const Wishes wishes = of_all_ranks();
  const auto start = Clock::now();
  saver_.advance(wishes.saver);
  save_wait_ += seconds_since(start);
  if (is_checkpoint_due(is_new_best) || wishes.saves) save();
  if (!wishes.stops || session_.progress.step >= last_step_) return;
  save();
  finish_saving();
  throw StoppedBySignal(fmt::format("stopped by a signal after step {}; the state is in {}", session_.progress.step,
                                    checkpoint_folder_name(session_.progress.step)));
}

TrainResult Trainer::result(double seconds) const {
  TrainResult r;
  r.steps = session_.progress.step;
  r.total_steps = total_steps_;
  r.last_loss = session_.progress.last_loss;
  r.best_metric = config().best_metric;
  r.last_checkpoint = r.best_checkpoint = session_.checkpoint_dir() / checkpoint_folder_name(session_.progress.step);
  r.num_parameters = session_.parameters->num_parameters();
  r.seconds = seconds;
  r.median_step_seconds = median(step_seconds_);
  r.checkpoint_seconds = saver_.whole_seconds();
  r.checkpoint_wait_seconds = num_saved_ > 0 ? save_wait_ / static_cast<double>(num_saved_) : 0;
  if (session_.progress.best.empty()) return r;
  r.best_value = session_.progress.best.front().value;
  r.best_step = session_.progress.best.front().step;
  const auto best = session_.checkpoint_dir() / checkpoint_folder_name(*r.best_step);
  if (std::filesystem::exists(best)) r.best_checkpoint = best;
  return r;
}

}  // namespace

TrainResult train(const TrainRequest& request) {
  if (request.precision != "fp32" && request.precision != "bf16")
    throw ConfigError("UnknownPrecision", "train",
                      {.what = "run.precision", .expected = "fp32 or bf16", .found = request.precision});
  at::globalContext().setDeterministicAlgorithms(request.reproducible, /*warn_only=*/false);
  auto axis = request.data_axis ? request.data_axis : std::make_shared<DataAxis>();
  plan_slots(request.train, request.reproducible, axis->data_rank(),
             axis->data_size());  // refuses before anything is read
  Session session = make_session(request, *axis);
  synchronise(session, *axis);
  axis->watch(*session.parameters, session.model->network().parameters());
  keep_shards(session, *axis);
  restore_state(session, *axis);
  Trainer trainer(std::move(session), std::move(axis));
  return trainer.run();
}

}  // namespace pear::forecast
