#include <algorithm>
#include <array>
#include <utility>

#include "forecast/train/checkpoint_config.h"
#include "forecast/train/data_config.h"
#include "forecast/train/parallel_config.h"
#include "forecast/train/train_config.h"

namespace pear::forecast {
namespace {

void require(ConfigIssues& issues, bool good, const std::string& key, const std::string& what,
             const std::string& hint = "") {
  if (!good) issues.add(key, what, hint);
}

bool is_unit_interval(double x) { return x >= 0 && x < 1; }

/// First and last selected time of a non-empty selection.
std::pair<Time, Time> span_of(const TimeSelection& s) {
  if (s.period) return {s.period->start, s.period->end};
  const auto [lo, hi] = std::minmax_element(s.list.begin(), s.list.end());
  return {*lo, *hi};
}

bool overlaps(const TimeSelection& a, const TimeSelection& b) {
  if (a.empty() || b.empty()) return false;
  const auto [a0, a1] = span_of(a);
  const auto [b0, b1] = span_of(b);
  return a0 <= b1 && b0 <= a1;
}

}  // namespace

void DataConfig::validate(ConfigIssues& issues, const std::string& path) const {
  require(issues, every.seconds > 0, path + ".every", "must be positive");
  require(issues, !lead || lead->seconds > 0, path + ".lead", "must be positive");
  require(issues, prefetch >= 0, path + ".prefetch", "must not be negative");
  require(issues, resident_limit_mib >= 0, path + ".resident_limit_mib", "must not be negative");
  require(issues, std::all_of(levels_hpa.begin(), levels_hpa.end(), [](double p) { return p > 0; }),
          path + ".levels_hpa", "levels must be positive (hPa)");
  auto sorted = variables;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  require(issues, twice == sorted.end(), path + ".variables",
          twice == sorted.end() ? "" : "variable " + *twice + " is named twice");
  if (allow_overlap) return;
  const std::array<std::pair<const char*, const TimeSelection*>, 3> parts{
      {{"train", &train}, {"select", &select}, {"test", &test}}};
  for (size_t i = 0; i < parts.size(); ++i)
    for (size_t j = i + 1; j < parts.size(); ++j)
      require(issues, !overlaps(*parts[i].second, *parts[j].second), path + "." + parts[j].first,
              "overlaps " + path + "." + parts[i].first,
              "keep the periods disjoint, or set " + path + ".allow_overlap: true");
}

void LossConfig::validate(ConfigIssues& issues, const std::string& path) const {
  require(issues, surface_weight >= 0, path + ".surface_weight", "must not be negative");
  require(issues, huber_delta > 0, path + ".huber_delta", "must be positive");
  for (const auto& [name, weight] : weights)
    require(issues, weight >= 0, path + ".weights." + name, "must not be negative");
  for (const auto& [level, weight] : weights_by_level)
    require(issues, weight >= 0, path + ".weights_by_level." + level, "must not be negative");
}

int64_t RolloutConfig::max_steps() const {
  int64_t most = 1;
  for (const auto& phase : schedule) most = std::max(most, phase.steps);
  return most;
}

void RolloutConfig::validate(ConfigIssues& issues, const std::string& path) const {
  for (size_t i = 0; i < schedule.size(); ++i) {
    const std::string phase = path + ".schedule[" + std::to_string(i) + "]";
    require(issues, schedule[i].steps >= 1, phase + ".steps", "must be at least 1");
    if (i == 0)
      require(issues, schedule[i].from_step == 0, phase + ".from_step",
              "must be 0: the first phase begins the training");
    else
      require(issues, schedule[i].from_step > schedule[i - 1].from_step, phase + ".from_step",
              "must be later than the phase before, which begins at " + std::to_string(schedule[i - 1].from_step));
  }
  require(issues, truncate >= 0, path + ".truncate", "must not be negative");
}

std::vector<double> rollout_weights(const RolloutConfig& config, int64_t steps) {
  std::vector<double> weights(static_cast<size_t>(steps));
  double sum = 0;
  for (int64_t k = 1; k <= steps; ++k) {
    double& w = weights[static_cast<size_t>(k - 1)];
    w = config.step_weights == "inverse" ? 1.0 / static_cast<double>(k)
        : config.step_weights == "last"  ? (k == steps ? 1.0 : 0.0)
                                         : 1.0;
    sum += w;
  }
  for (double& w : weights) w /= sum;
  return weights;
}

std::vector<int64_t> TrainConfig::checkpointed_stages() const {
  std::vector<int64_t> stages;
  const auto has = [&](const std::string& word) {
    return std::find(activation_checkpointing.begin(), activation_checkpointing.end(), word) !=
           activation_checkpointing.end();
  };
  for (int64_t stage = 0; stage < 4; ++stage)
    if (has("stages") || has("stage" + std::to_string(stage))) stages.push_back(stage);
  return stages;
}

void ScheduleConfig::validate(ConfigIssues& issues, const std::string& path) const {
  require(issues, warmup_steps >= 0, path + ".warmup_steps", "must not be negative");
  require(issues, final_factor >= 0 && final_factor <= 1, path + ".final_factor", "must lie between 0 and 1");
}

void TrainConfig::validate(ConfigIssues& issues, const std::string& path) const {
  require(issues, lr > 0, path + ".lr", "must be positive");
  require(issues, weight_decay >= 0, path + ".weight_decay", "must not be negative");
  require(issues, betas.size() == 2 && std::all_of(betas.begin(), betas.end(), is_unit_interval), path + ".betas",
          "must be two numbers in [0, 1)");
  require(issues, eps > 0, path + ".eps", "must be positive");
  require(issues, epochs > 0, path + ".epochs", "must be positive");
  require(issues, max_steps >= 0, path + ".max_steps", "must not be negative");
  require(issues, stop_at_step >= 0, path + ".stop_at_step", "must not be negative");
  require(issues, slots > 0, path + ".slots", "must be positive");
  require(issues, batch > 0, path + ".batch", "must be positive");
  require(issues, is_unit_interval(ema.decay), path + ".ema.decay", "must lie in [0, 1)");
  require(issues, clip.norm >= 0, path + ".clip.norm", "must not be negative");
  require(issues, validate_every_steps >= 0, path + ".validate_every_steps", "must not be negative");
  require(issues, validate_every_epochs >= 0, path + ".validate_every_epochs", "must not be negative");
  require(issues, best_metric == "loss" || best_metric.starts_with("rmse_"), path + ".best_metric",
          "must be `loss` or `rmse_<channel>`");
  require(issues, log_every > 0, path + ".log_every", "must be positive");
  loss.validate(issues, path + ".loss");
  schedule.validate(issues, path + ".schedule");
  rollout.validate(issues, path + ".rollout");
  const auto& stages = activation_checkpointing;
  require(issues, stages.size() < 2 || std::find(stages.begin(), stages.end(), "none") == stages.end(),
          path + ".activation_checkpointing", "none stands alone");
}

void ParallelConfig::validate(ConfigIssues& issues, const std::string& path) const {
  mesh.validate(issues, path + ".mesh");
  require(issues, bucket_mb >= 0, path + ".bucket_mb", "must not be negative");
}

void CheckpointConfig::validate(ConfigIssues& issues, const std::string& path) const {
  require(issues, every_steps >= 0, path + ".every_steps", "must not be negative");
  require(issues, every_minutes >= 0, path + ".every_minutes", "must not be negative");
  require(issues, keep_last >= 1, path + ".keep_last", "must be at least 1, else a run could not be resumed");
  require(issues, keep_best >= 0, path + ".keep_best", "must not be negative");
}

}  // namespace pear::forecast
