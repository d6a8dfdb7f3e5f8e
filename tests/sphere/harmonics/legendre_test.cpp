// Rows, weights and Legendre functions by properties that do not need the recurrence.
#include "sphere/harmonics/legendre.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/constants.h"
#include "base/error.h"

namespace pear::sphere {
namespace {

constexpr double kRounding = 2e-15;        // of sums of a few hundred terms of order 1
constexpr double kOrthonormality = 1e-13;  // products of degree 2 N, values up to sqrt(2 N)

TEST(TransformRows, GaussianWeightsIntegrateEveryEvenPower) {
  for (int64_t n : {2, 5, 32, 97, 384}) {
    const auto rows = transform_rows(RowKind::Gaussian, n);
    for (int64_t k = 0; k < n; ++k) {
      double sum = 0;
      for (const auto& row : rows)
        sum += row.weight * std::pow(static_cast<double>(row.mu), 2.0 * static_cast<double>(k));
      EXPECT_NEAR(sum, 1.0 / (2.0 * static_cast<double>(k) + 1.0), kRounding) << n << " rows, power " << 2 * k;
    }
  }
}

TEST(TransformRows, EquatorOfAnOddNumberIsTheLastRowOfBothHemispheres) {
  for (RowKind kind : {RowKind::Gaussian, RowKind::Poles, RowKind::Half}) {
    const auto rows = transform_rows(kind, 9);
    ASSERT_EQ(rows.size(), 10u);
    EXPECT_EQ(rows[4].mu, 0.0L);
    EXPECT_EQ(rows[9].mu, 0.0L);
    EXPECT_EQ(rows[4].weight, rows[9].weight);
    double sum = 0;
    for (const auto& row : rows) sum += row.weight;
    EXPECT_NEAR(sum, 1.0, kRounding);
  }
}

TEST(TransformRows, NorthRowsHaveTheirEquatorInTheSouth) {
  const auto rows = transform_rows(RowKind::North, 8);
  ASSERT_EQ(rows.size(), 8u);
  EXPECT_EQ(rows[0].mu, 1.0L);
  EXPECT_EQ(rows[0].weight, 0.0);
  EXPECT_NEAR(static_cast<double>(rows[3].mu), std::cos(3 * kPi / 8), kRounding);
  EXPECT_NEAR(static_cast<double>(rows[4].mu), std::cos(7 * kPi / 8), kRounding);
  EXPECT_EQ(rows[7].mu, 0.0L);
}

TEST(TransformRows, RowsWithoutExactQuadratureAreRefused) {
  for (RowKind kind : {RowKind::Inner, RowKind::Regional}) {
    try {
      transform_rows(kind, 64);
      FAIL();
    } catch (const ConfigError& e) {
      EXPECT_EQ(e.code(), "UnknownGrid");
    }
  }
}

TEST(LegendreRow, FunctionsAreOrthonormalUpToT255) {
  constexpr int64_t kTruncation = 255;
  const auto rows = transform_rows(RowKind::Gaussian, 384);
  std::vector<LegendreRow> functions;
  for (const auto& row : rows) functions.emplace_back(row.mu, row.cos_lat);
  for (int64_t m = 0; m <= kTruncation; ++m) {
    const auto degrees = static_cast<size_t>(kTruncation + 2 - m);
    std::vector<std::vector<double>> p(rows.size(), std::vector<double>(degrees));
    for (size_t r = 0; r < rows.size(); ++r) functions[r].next_order(p[r]);
    if (m % 51 != 0 && m != 1) continue;
    double worst = 0;
    for (size_t a = 0; a < degrees; ++a)
      for (size_t b = 0; b <= a; ++b) {
        double sum = 0;
        for (size_t r = 0; r < rows.size(); ++r) sum += rows[r].weight * p[r][a] * p[r][b];
        worst = std::max(worst, std::abs(sum - (a == b ? 1.0 : 0.0)));
      }
    EXPECT_LT(worst, kOrthonormality) << "order " << m;
  }
}

// Addition theorem: sum over m of (2 - delta_m0) P_lm^2 = 2 l + 1 at every latitude.
TEST(LegendreRow, AdditionTheoremHoldsWhereTheSectoralFunctionUnderflows) {
  constexpr int64_t kDegree = 1000;
  for (double lat_deg : {0.0, 45.0, 85.0, 89.9}) {
    const long double lat = lat_deg * kRadPerDeg;
    LegendreRow row(std::sin(lat), std::cos(lat));
    double sum = 0;
    for (int64_t m = 0; m <= kDegree; ++m) {
      std::vector<double> p(static_cast<size_t>(kDegree + 1 - m));
      row.next_order(p);
      sum += (m == 0 ? 1.0 : 2.0) * p.back() * p.back();
    }
    EXPECT_NEAR(sum / (2.0 * kDegree + 1.0), 1.0, 1e-12) << lat_deg;
  }
}

TEST(LegendreRow, PolesKnowTheZonalFunctionsOnly) {
  LegendreRow row(-1.0L, 0.0L);
  std::vector<double> p(6);
  row.next_order(p);
  for (int l = 0; l < 6; ++l) EXPECT_NEAR(p[static_cast<size_t>(l)], (l % 2 ? -1 : 1) * std::sqrt(2.0 * l + 1), 1e-14);
  row.next_order(p);
  for (double value : p) EXPECT_EQ(value, 0.0);
}

}  // namespace
}  // namespace pear::sphere
