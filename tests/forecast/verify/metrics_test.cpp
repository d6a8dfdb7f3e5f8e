#include "forecast/verify/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr double kRounding = 1e-14;

/// Sums of cells with equal weights, from errors or from anomalies.
PairSums from_errors(const std::vector<double>& e) {
  PairSums s{};
  for (const double x : e) {
    s[kCount] += 1;
    s[kWeight] += 1;
    s[kE] += x;
    s[kAbsE] += std::abs(x);
    s[kE2] += x * x;
  }
  return s;
}
PairSums from_anomalies(const std::vector<double>& a, const std::vector<double>& b) {
  PairSums s{};
  for (size_t i = 0; i < a.size(); ++i) {
    s[kCount] += 1;
    s[kWeight] += 1;
    s[kA] += a[i];
    s[kB] += b[i];
    s[kA2] += a[i] * a[i];
    s[kB2] += b[i] * b[i];
    s[kAB] += a[i] * b[i];
  }
  return s;
}
double value(const char* metric, const std::vector<PairSums>& own, const std::vector<PairSums>& second = {}) {
  return evaluate(find_metric(metric), own, second);
}

TEST(Metrics, TellRootFirstFromRootLast) {
  const std::vector<PairSums> s{from_errors({1, 7}), from_errors({-1, -1})};
  EXPECT_NEAR(value("rmse", s), std::sqrt(13.0), kRounding);
  EXPECT_NEAR(value("mse", s), 13, kRounding);
  EXPECT_NEAR(value("rmse_root_first", s), 3, kRounding);
  EXPECT_NEAR(value("mae", s), 2.5, kRounding);
  EXPECT_NEAR(value("pear_rmse", s), 2.5, kRounding);
  EXPECT_NEAR(value("bias", s), 1.5, kRounding);
}

TEST(Metrics, TellTheFourCorrelationsApart) {
  const std::vector<PairSums> s{from_anomalies({1, 3}, {3, 1}), from_anomalies({-1, 1}, {-1, 1})};
  EXPECT_NEAR(value("acc_wb2", s), 0.8, kRounding);
  EXPECT_NEAR(value("acc_pooled", s), 2.0 / 3, kRounding);
  EXPECT_NEAR(value("acc_wmo", s), 0, kRounding);
  EXPECT_NEAR(value("acc_pooled_centred", s), 0.5, kRounding);
  EXPECT_NEAR(value("activity", s), std::sqrt(3.0), kRounding);
}

TEST(Metrics, MatchThePearClosedForms) {
  EXPECT_NEAR(value("pear_rmse", {from_errors({1, 3})}), 2, kRounding);
  EXPECT_NEAR(value("rmse", {from_errors({1, 3})}), std::sqrt(5.0), kRounding);
  const std::vector<PairSums> s{from_anomalies({1, 0}, {1, 0}), from_anomalies({3, 4}, {4, 3})};
  EXPECT_NEAR(value("pear_acc", s), 25.0 / 26, kRounding);
  EXPECT_NEAR(value("acc_wb2", s), 0.98, kRounding);
}

TEST(Metrics, SkillsAndVectorsUseTheSecondSums) {
  const std::vector<PairSums> s{from_errors({1, 1}), from_errors({3, 3})};
  const std::vector<PairSums> reference{from_errors({4, 4}), from_errors({2, 2})};
  EXPECT_NEAR(value("mse_skill", s, reference), 0.5, kRounding);  // 5 against 10
  EXPECT_NEAR(value("rmse_skill", s, reference), 1 - std::sqrt(0.5), kRounding);
  EXPECT_NEAR(value("wind_vector_rmse", s, reference), std::sqrt(15.0), kRounding);  // (1+16, 9+4)/2
}

TEST(Metrics, ZeroDenominatorsGiveMissingValues) {
  EXPECT_TRUE(std::isnan(value("acc_wb2", {from_anomalies({0, 0}, {1, 2})})));
  EXPECT_TRUE(std::isnan(value("acc_pooled", {from_anomalies({0, 0}, {1, 2})})));
  EXPECT_TRUE(std::isnan(value("rmse", {})));
}

TEST(Metrics, AccAloneListsTheFourNames) {
  try {
    find_metric("acc");
    FAIL();
  } catch (const ConfigError& error) {
    const std::string text = error.what();
    for (const char* name : {"acc_wb2", "acc_pooled", "acc_wmo", "acc_pooled_centred"})
      EXPECT_NE(text.find(name), std::string::npos) << name;
  }
  EXPECT_THROW(find_metric("rsme"), ConfigError);
}

TEST(Metrics, CarryUnits) {
  EXPECT_EQ(metric_unit(find_metric("rmse"), "m2 s-2"), "m2 s-2");
  EXPECT_EQ(metric_unit(find_metric("mse"), "K"), "K2");
  EXPECT_EQ(metric_unit(find_metric("mse"), "m s-1"), "(m s-1)2");
  EXPECT_EQ(metric_unit(find_metric("acc_wb2"), "K"), "1");
}

}  // namespace
}  // namespace pear::forecast
