#include "forecast/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace pear::forecast {

double schedule_factor(const ScheduleConfig& config, int64_t step, int64_t total_steps) {
  const int64_t warmup = config.warmup_steps;
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  if (config.kind == "constant") return 1.0;
  const double span = static_cast<double>(std::max<int64_t>(total_steps - warmup, 1));
  const double progress = std::min(static_cast<double>(step - warmup) / span, 1.0);
  const double shape = config.kind == "linear" ? 1.0 - progress : 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  return config.final_factor + (1.0 - config.final_factor) * shape;
}

}  // namespace pear::forecast
