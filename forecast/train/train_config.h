// The `train` section: loss, optimiser, schedule, averaging, validation.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/config/field.h"

namespace pear::forecast {

/// `mean |upper| + surface_weight * mean |surface|` on normalised fields (PEAR), with optional weights by name.
struct LossConfig {
  std::string kind = "l1";
  double surface_weight = 0.25;
  double huber_delta = 1.0;
  std::map<std::string, double> weights;
  std::string preset = "none";
  std::string level_weights = "none";
  std::map<std::string, double> weights_by_level;
  bool area_weights = false;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("kind", kind, {.doc = "penalty of one normalised error", .choices = {"l1", "l2", "huber"}});
    visit("surface_weight", surface_weight, {.doc = "weight of the surface mean; the upper-air mean has 1"});
    visit("huber_delta", huber_delta, {.doc = "error where huber turns from square to linear"});
    visit("weights", weights, {.doc = "factors by variable (`t`) or channel (`t850`, which wins); others have 1"});
    visit("preset", preset,
          {.doc = "factors by variable to start from, which train.loss.weights overrides; pangu: those of the Pangu "
                  "ports, z, q, t, u, v = 3.00, 0.60, 1.50, 0.77, 0.54 and msl, u10, v10, t2m = 1.50, 0.77, 0.66, 3.00",
           .choices = {"none", "pangu"}});
    visit("level_weights", level_weights,
          {.doc = "factor of a level; pressure: its pressure over the mean of all levels",
           .choices = {"none", "pressure"}});
    visit("weights_by_level", weights_by_level,
          {.doc = "factors by level in hPa (`850: 2`) in place of those of level_weights"});
    visit("area_weights", area_weights,
          {.doc = "weigh cells by their area; matters on lat-lon grids, HEALPix cells are equal"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

struct ScheduleConfig {
  std::string kind = "constant";
  int64_t warmup_steps = 0;
  double final_factor = 0.0;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("kind", kind, {.doc = "learning rate after the warm-up", .choices = {"constant", "cosine", "linear"}});
    visit("warmup_steps", warmup_steps, {.doc = "steps of linear rise to train.lr"});
    visit("final_factor", final_factor, {.doc = "share of train.lr reached at the last step (cosine, linear)"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

struct EmaConfig {
  double decay = 0.0;
  bool warmup = true;
  bool use_in_validation = true;

  bool is_on() const { return decay > 0; }
  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("decay", decay, {.doc = "decay per step of the averaged weights; 0 switches them off"});
    visit("warmup", warmup, {.doc = "use min(decay, (1 + step) / (10 + step)) so that early weights are forgotten"});
    visit("use_in_validation", use_in_validation, {.doc = "validate the averaged weights instead of the raw ones"});
  }
};

struct ClipConfig {
  double norm = 0.0;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("norm", norm, {.doc = "largest global gradient norm; 0 switches clipping off"});
  }
};

/// From `from_step` on a sample is `steps` model steps long.
struct RolloutPhase {
  int64_t from_step = 0;
  int64_t steps = 1;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("from_step", from_step, {.doc = "first training step of the phase; 0 in the first phase"});
    visit("steps", steps, {.doc = "model steps of a sample, each fed with the prediction before it"});
  }
};

/// Training through several model steps. The loss is `sum_k w_k L_k` over the steps k = 1..K with sum w_k = 1.
struct RolloutConfig {
  std::vector<RolloutPhase> schedule;
  int64_t truncate = 0;
  std::string step_weights = "uniform";

  /// Model steps between two cuts of a rollout of `steps`.
  int64_t steps_kept(int64_t steps) const { return truncate > 0 && truncate < steps ? truncate : steps; }
  int64_t max_steps() const;
  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("schedule", schedule,
          {.doc = "phases, e.g. [{from_step: 0, steps: 1}, {from_step: 20000, steps: 2}]; empty: one step throughout"});
    visit("truncate", truncate,
          {.doc = "cut the gradient after every n model steps, so that memory is that of n; 0: never"});
    visit("step_weights", step_weights,
          {.doc = "weights of the steps' losses, adding up to 1: all alike, falling as 1 / step, or the last one only",
           .choices = {"uniform", "inverse", "last"}});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

/// Weights of the losses of a rollout of `steps`, in order, adding up to 1.
std::vector<double> rollout_weights(const RolloutConfig& config, int64_t steps);

/// Section `train`. The defaults are PEAR's published recipe.
struct TrainConfig {
  double lr = 5e-4;
  double weight_decay = 3e-6;
  std::vector<double> betas{0.9, 0.999};
  double eps = 1e-8;
  std::string optimizer = "adamw";
  bool decay_all = true;
  int64_t epochs = 200;
  int64_t max_steps = 0;
  int64_t stop_at_step = 0;
  int64_t slots = 1;
  int64_t batch = 1;
  std::string last_batch = "drop";
  std::vector<std::string> augment;
  LossConfig loss;
  ScheduleConfig schedule;
  EmaConfig ema;
  ClipConfig clip;
  RolloutConfig rollout;
  std::vector<std::string> activation_checkpointing;
  int64_t validate_every_steps = 0;
  int64_t validate_every_epochs = 1;
  std::string best_metric = "loss";
  int64_t log_every = 50;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("lr", lr, {.doc = "peak learning rate"});
    visit("weight_decay", weight_decay, {.doc = "weight decay (adamw: decoupled; adam: added to the gradient)"});
    visit("betas", betas, {.doc = "decay of the first and second moment"});
    visit("eps", eps, {.doc = "added to the root of the second moment"});
    visit("optimizer", optimizer, {.doc = "update rule", .choices = {"adamw", "adam"}});
    visit("decay_all", decay_all, {.doc = "decay every parameter; false spares biases, norms and position biases"});
    visit("epochs", epochs, {.doc = "passes over the training pairs"});
    visit("max_steps", max_steps, {.doc = "end of training in steps when that is earlier; 0: epochs decide"});
    visit("stop_at_step", stop_at_step, {.doc = "save and stop at this step without changing the schedule; 0: never"});
    visit("slots", slots, {.doc = "micro-batches per step"});
    visit("batch", batch, {.doc = "samples per micro-batch"});
    visit("last_batch", last_batch,
          {.doc = "incomplete last step of an epoch: leave it out, or fill it from the epoch's start",
           .choices = {"drop", "wrap"}});
    visit("augment", augment,
          {.doc = "exact symmetries of the grid, drawn per sample: quarter_turn turns the globe by 90 degrees about "
                  "its axis, equator_mirror exchanges the hemispheres and the sign of v (HEALPix only)",
           .choices = {"quarter_turn", "equator_mirror"}});
    visit("loss", loss, {.doc = "loss"});
    visit("schedule", schedule, {.doc = "learning rate over the steps"});
    visit("ema", ema, {.doc = "exponential moving average of the weights"});
    visit("clip", clip, {.doc = "gradient clipping"});
    visit("rollout", rollout, {.doc = "training through several model steps"});
    visit("activation_checkpointing", activation_checkpointing,
          {.doc = "stages whose inner values the backward pass computes again instead of keeping them: less memory, "
                  "one more forward pass of these stages, the same gradients",
           .choices = {"none", "stages", "stage0", "stage1", "stage2", "stage3"}});
    visit("validate_every_steps", validate_every_steps, {.doc = "validate every n steps; 0: not by steps"});
    visit("validate_every_epochs", validate_every_epochs, {.doc = "validate every n epochs; 0: not by epochs"});
    visit("best_metric", best_metric,
          {.doc = "validation number that names the best checkpoint: `loss`, or `rmse_<channel>` such as rmse_u10"});
    visit("log_every", log_every, {.doc = "steps between two log lines"});
  }
  /// Stages of `activation_checkpointing`, ascending.
  std::vector<int64_t> checkpointed_stages() const;
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast
