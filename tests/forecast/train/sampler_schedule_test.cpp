#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "base/error.h"
#include "forecast/train/sampler.h"
#include "forecast/train/schedule.h"

namespace pear::forecast {
namespace {

TEST(Sampler, AnEpochVisitsEverySampleOnce) {
  Sampler sampler(12, 3, /*seed=*/7, /*wrap=*/false);
  ASSERT_EQ(sampler.steps_per_epoch(), 4);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::set<int64_t> seen;
    for (int64_t s = 0; s < 4; ++s)
      for (int64_t i : sampler.samples_of(epoch * 4 + s)) seen.insert(i);
    EXPECT_EQ(seen.size(), 12u);
    EXPECT_EQ(*seen.begin(), 0);
    EXPECT_EQ(*seen.rbegin(), 11);
  }
}

TEST(Sampler, OrderDependsOnSeedAndEpochOnly) {
  const auto a = Sampler::permutation(50, 1, 0);
  EXPECT_EQ(a, Sampler::permutation(50, 1, 0));
  EXPECT_NE(a, Sampler::permutation(50, 2, 0));
  EXPECT_NE(a, Sampler::permutation(50, 1, 1));
}

TEST(Sampler, AStepIsTheSameWhetherReachedOrJumpedTo) {
  Sampler walked(10, 2, 3, false), jumped(10, 2, 3, false);
  std::vector<int64_t> last;
  for (int64_t s = 0; s <= 13; ++s) last = walked.samples_of(s);
  EXPECT_EQ(jumped.samples_of(13), last);
}

TEST(Sampler, FirstPlacesAreUniform) {
  // 4,000 epochs of 8 samples: each is first in about 500 of them; 5 standard deviations = 105.
  std::vector<int> first(8);
  for (int64_t epoch = 0; epoch < 4000; ++epoch) ++first[static_cast<size_t>(Sampler::permutation(8, 11, epoch)[0])];
  for (int count : first) EXPECT_NEAR(count, 500, 105);
}

TEST(Sampler, DropLeavesTheIncompleteStepOutAndWrapFillsIt) {
  Sampler drop(7, 3, 5, false), wrap(7, 3, 5, true);
  EXPECT_EQ(drop.steps_per_epoch(), 2);
  ASSERT_EQ(wrap.steps_per_epoch(), 3);
  const auto order = Sampler::permutation(7, 5, 0);
  EXPECT_EQ(wrap.samples_of(2), (std::vector<int64_t>{order[6], order[0], order[1]}));
}

TEST(Sampler, TooFewSamplesIsAConfigError) { EXPECT_THROW(Sampler(3, 4, 1, false), ConfigError); }

TEST(Schedule, ConstantIsOneAfterALinearWarmUp) {
  const ScheduleConfig config{.kind = "constant", .warmup_steps = 4};
  EXPECT_DOUBLE_EQ(schedule_factor(config, 0, 100), 0.25);
  EXPECT_DOUBLE_EQ(schedule_factor(config, 3, 100), 1.0);
  EXPECT_DOUBLE_EQ(schedule_factor(config, 99, 100), 1.0);
}

TEST(Schedule, CosineFollowsItsClosedForm) {
  const ScheduleConfig config{.kind = "cosine", .warmup_steps = 10, .final_factor = 0.1};
  EXPECT_DOUBLE_EQ(schedule_factor(config, 10, 110), 1.0);
  EXPECT_NEAR(schedule_factor(config, 60, 110), 0.55, 1e-12);
  EXPECT_NEAR(schedule_factor(config, 35, 110), 0.1 + 0.9 * (1 + std::sqrt(0.5)) / 2, 1e-12);
  EXPECT_NEAR(schedule_factor(config, 110, 110), 0.1, 1e-12);
}

TEST(Schedule, LinearFallsToItsFinalFactor) {
  const ScheduleConfig config{.kind = "linear", .warmup_steps = 0, .final_factor = 0.0};
  EXPECT_DOUBLE_EQ(schedule_factor(config, 0, 8), 1.0);
  EXPECT_DOUBLE_EQ(schedule_factor(config, 6, 8), 0.25);
}

}  // namespace
}  // namespace pear::forecast
