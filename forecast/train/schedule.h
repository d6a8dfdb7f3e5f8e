// Learning rate as a pure function of the step.
#pragma once

#include <cstdint>

#include "forecast/train/train_config.h"

namespace pear::forecast {

/// Factor on `train.lr` for step `step` (from 0) of `total_steps`.
///
/// With warm-up w the first w steps rise linearly, (step + 1) / w; then, with progress
/// p = (step - w) / (total_steps - w) and final factor f:
///   constant  1
///   linear    f + (1 - f) (1 - p)
///   cosine    f + (1 - f) (1 + cos(pi p)) / 2        (Loshchilov and Hutter 2017, without restarts)
/// so that f itself is reached at total_steps, one step after the last.
double schedule_factor(const ScheduleConfig& config, int64_t step, int64_t total_steps);

}  // namespace pear::forecast
