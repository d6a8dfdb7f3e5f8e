// How the samples of one step are cut into micro-batches and dealt to the processes.
#pragma once

#include <cstdint>

#include "forecast/train/train_config.h"

namespace pear::forecast {

/// What the loader does with a step: slots of `batch` samples each; a data rank takes a contiguous range of slots.
struct SlotPlan {
  int64_t slots = 1, batch = 1;
  int64_t first_slot = 0, last_slot = 1;  ///< [first, last) of this process
};

/// The global batch is `train.slots` x `train.batch` samples whatever the number of ranks; every rank takes the same
/// number of neighbours of it.
///
/// One process runs the micro-batches as configured. Several make them smaller where a share would otherwise cut one
/// in two. A reproducible run has slots of one sample always: kernels then see the same shapes for any number of ranks.
/// Errors:  ConfigError `BatchNotDivisible` if the ranks do not divide the global batch.
SlotPlan plan_slots(const TrainConfig& config, bool reproducible, int64_t rank, int64_t size);

}  // namespace pear::forecast
