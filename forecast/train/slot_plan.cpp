#include "forecast/train/slot_plan.h"

#include <fmt/format.h>

#include <numeric>

#include "base/error.h"

namespace pear::forecast {

SlotPlan plan_slots(const TrainConfig& config, bool reproducible, int64_t rank, int64_t size) {
  const int64_t samples = config.slots * config.batch;
  if (samples % size != 0)
    throw ConfigError("BatchNotDivisible", "train",
                      {.what = fmt::format("a step of {} samples (train.slots {} x train.batch {})", samples,
                                           config.slots, config.batch),
                       .expected = fmt::format("a multiple of the {} ranks", size),
                       .found = fmt::format("{} samples and {} ranks", samples, size),
                       .hint = "change train.batch or train.slots, or start another number of ranks"});
  const int64_t share = samples / size;
  const int64_t batch = reproducible ? 1 : std::gcd(config.batch, share);
  return {samples / batch, batch, rank * share / batch, (rank + 1) * share / batch};
}

}  // namespace pear::forecast
