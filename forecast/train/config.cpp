#include <algorithm>
#include <array>
#include <utility>

#include "forecast/train/checkpoint_config.h"
#include "forecast/train/data_config.h"
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
}

void CheckpointConfig::validate(ConfigIssues& issues, const std::string& path) const {
  require(issues, every_steps >= 0, path + ".every_steps", "must not be negative");
  require(issues, every_minutes >= 0, path + ".every_minutes", "must not be negative");
  require(issues, keep_last >= 1, path + ".keep_last", "must be at least 1, else a run could not be resumed");
  require(issues, keep_best >= 0, path + ".keep_best", "must not be negative");
}

}  // namespace pear::forecast
