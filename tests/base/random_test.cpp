#include "base/random.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace pear {
namespace {

// Reference stream of SplitMix64 for seed 0 (Steele et al.; the first numbers printed in many test suites).
TEST(Random, MixIsSplitMix64) {
  EXPECT_EQ(splitmix64_mix(0x9e3779b97f4a7c15ULL), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(splitmix64_mix(2 * 0x9e3779b97f4a7c15ULL), 0x6e789e6aa1b965f4ULL);
}

// Offset basis and the vector for "a" from the FNV reference page.
TEST(Random, HashIsFnv1a) {
  EXPECT_EQ(fnv1a64(""), 0xcbf29ce484222325ULL);
  EXPECT_EQ(fnv1a64("a"), 0xaf63dc4c8601ec8cULL);
}

TEST(Random, NumbersDependOnSeedPurposeAndCounterOnly) {
  EXPECT_EQ(random_u64(1, "shuffle", 5), random_u64(1, "shuffle", 5));
  EXPECT_NE(random_u64(1, "shuffle", 5), random_u64(2, "shuffle", 5));
  EXPECT_NE(random_u64(1, "shuffle", 5), random_u64(1, "init", 5));
  EXPECT_NE(random_u64(1, "shuffle", 5), random_u64(1, "shuffle", 6));
}

TEST(Random, NoRepeatsAmongManyStreams) {
  std::set<uint64_t> seen;
  for (uint64_t seed = 0; seed < 100; ++seed)
    for (uint64_t n = 0; n < 1000; ++n) seen.insert(random_u64(seed, "x", n));
  EXPECT_EQ(seen.size(), 100000u);
}

TEST(Random, UniformAndNormalHaveTheRightMoments) {
  constexpr int kDraws = 200000;
  double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0;
  for (int n = 0; n < kDraws; ++n) {
    const double u = random_unit(7, "moments", n), z = random_normal(7, "normal", n);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u, squares += u * u, normal_sum += z, normal_squares += z * z;
  }
  constexpr double kFiveSigma = 5.0 / 447.0;  // 5 / sqrt(kDraws), times a standard deviation of at most 1.5
  EXPECT_NEAR(sum / kDraws, 0.5, kFiveSigma);
  EXPECT_NEAR(squares / kDraws, 1.0 / 3.0, kFiveSigma);
  EXPECT_NEAR(normal_sum / kDraws, 0.0, kFiveSigma);
  EXPECT_NEAR(normal_squares / kDraws, 1.0, 1.5 * kFiveSigma);
}

TEST(Random, EveryValueBelowTheBoundIsReachedAboutEquallyOften) {
  std::vector<int> counts(7);
  for (int n = 0; n < 70000; ++n) ++counts[random_below(3, "die", n, 7)];
  for (int c : counts) EXPECT_NEAR(c, 10000, 500);  // five standard deviations of a binomial count are 463
}

}  // namespace
}  // namespace pear
