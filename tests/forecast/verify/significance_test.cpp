#include "forecast/verify/significance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace pear::forecast {
namespace {

TEST(Significance, InflationIsTwoForSixTenths) {
  EXPECT_DOUBLE_EQ(inflation_factor(0.6), 2);
  EXPECT_DOUBLE_EQ(inflation_factor(-0.3), 1);
}

TEST(Significance, StudentMatchesTables) {
  // Two-sided 5 % points of tables of Student's t; one degree of freedom is the Cauchy distribution.
  EXPECT_NEAR(student_t_two_sided(1, 1), 0.5, 1e-12);
  EXPECT_NEAR(student_t_two_sided(12.7062047364, 1), 0.05, 1e-10);
  EXPECT_NEAR(student_t_two_sided(-2.2281388520, 10), 0.05, 1e-10);
  EXPECT_NEAR(student_t_two_sided(1.9839715185, 100), 0.05, 1e-10);
}

TEST(Significance, PairedTestOfHandMadeDifferences) {
  // Differences 1, 3, 1, 3: mean 2, variance 4/3, lag-1 -3/4 -> no inflation; t = 2 / sqrt(1/3) = 2 sqrt 3.
  const std::vector<double> d{1, 3, 1, 3};
  const auto test = paired_t(d);
  EXPECT_DOUBLE_EQ(test.mean, 2);
  EXPECT_DOUBLE_EQ(test.lag1, -0.75);
  EXPECT_NEAR(test.t, 2 * std::sqrt(3.0), 1e-14);
  EXPECT_EQ(test.degrees_of_freedom, 3);
  // P of t with 3 degrees of freedom in closed form.
  const double x = test.t / std::sqrt(3.0), cdf = 0.5 + (x / (1 + x * x) + std::atan(x)) / M_PI;
  EXPECT_NEAR(test.p_value, 2 * (1 - cdf), 1e-12);
}

TEST(Significance, SlowSeriesAreInflated) {
  std::vector<double> d;
  for (int i = 0; i < 100; ++i) d.push_back(i < 50 ? 0.0 : 1.0);
  const auto test = paired_t(d);
  EXPECT_NEAR(test.lag1, 0.98 - 0.01, 0.02);
  const double naive = std::sqrt(0.25 * 100 / 99.0 / 100);
  EXPECT_NEAR(test.standard_error / naive, std::sqrt((1 + test.lag1) / (1 - test.lag1)), 1e-9);
}

TEST(StationaryBootstrap, IsSeededAndWrapsAround) {
  const auto a = stationary_bootstrap(20, 50, 5, 7), b = stationary_bootstrap(20, 50, 5, 7);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, stationary_bootstrap(20, 50, 5, 8));
  int64_t follows = 0, all = 0;
  for (const auto& sample : a) {
    ASSERT_EQ(sample.size(), 20u);
    for (size_t i = 1; i < sample.size(); ++i) {
      follows += sample[i] == (sample[i - 1] + 1) % 20 ? 1 : 0;
      ++all;
    }
  }
  // A position follows its predecessor with probability 1 - 1/5 + 1/(5*20) = 0.81; 950 draws, 4 standard deviations.
  EXPECT_NEAR(static_cast<double>(follows) / static_cast<double>(all), 0.81, 0.06);
}

TEST(StationaryBootstrap, BlockOfOneIsTheOrdinaryBootstrap) {
  // Variance of the resampled mean of 0, 1, 0, 1, … is 1/(4 n).
  const int n = 40, samples = 4000;
  double sum = 0, squares = 0;
  for (const auto& sample : stationary_bootstrap(n, samples, 1, 3)) {
    const double mean =
        std::accumulate(sample.begin(), sample.end(), 0.0, [](double s, int32_t i) { return s + i % 2; }) / n;
    sum += mean;
    squares += mean * mean;
  }
  const double mean = sum / samples;
  EXPECT_NEAR(mean, 0.5, 0.005);
  EXPECT_NEAR(squares / samples - mean * mean, 0.25 / n, 0.25 / n * 0.1);
}

TEST(Significance, BlockLengthFollowsTheClosedForm) {
  EXPECT_DOUBLE_EQ(optimal_block_length(0, 100), 1);
  // r = 1/2: (1 / (3/4))^(2/3) 1000^(1/3) = (16/9)^(1/3) 10
  EXPECT_NEAR(optimal_block_length(0.5, 1000), 10 * std::cbrt(16.0 / 9), 1e-12);
}

TEST(Significance, QuantilesInterpolateAndSkipMissingValues) {
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, NAN, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0), 1);
  EXPECT_TRUE(std::isnan(quantile({}, 0.5)));
}

TEST(Significance, BenjaminiHochbergAdjusts) {
  const std::vector<double> p{0.01, 0.04, 0.03, 0.5};
  const auto q = adjust_p_values(p);
  EXPECT_NEAR(q[0], 0.04, 1e-15);
  EXPECT_NEAR(q[2], 0.04 * 4 / 3, 1e-15);  // 0.03*4/2 = 0.06 is above 0.04*4/3
  EXPECT_NEAR(q[1], 0.04 * 4 / 3, 1e-15);
  EXPECT_NEAR(q[3], 0.5, 1e-15);
}

}  // namespace
}  // namespace pear::forecast
