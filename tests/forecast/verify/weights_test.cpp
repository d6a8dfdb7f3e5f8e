#include "forecast/verify/weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr double kPrinted = 5e-9;  // the tables have eight decimals

std::vector<double> rows_with_poles(int n) {
  std::vector<double> lat;
  for (int j = 0; j < n; ++j) lat.push_back(90.0 - 180.0 * j / (n - 1));
  return lat;
}
std::vector<double> rows_without_poles(int n) {
  std::vector<double> lat;
  for (int j = 0; j < n; ++j) lat.push_back(90.0 - 180.0 * (j + 0.5) / n);
  return lat;
}

TEST(RowWeights, MatchTheTableOf32RowsWithoutPoles) {
  const auto w = row_weights(rows_without_poles(32), AreaWeights::AreaWb2);
  EXPECT_NEAR(w[0], 0.07704437, kPrinted);
  EXPECT_NEAR(w[1], 0.23039114, kPrinted);
  EXPECT_NEAR(w[2], 0.38151911, kPrinted);
  EXPECT_NEAR(w[15], 1.56827425, kPrinted);
  const auto c = row_weights(rows_without_poles(32), AreaWeights::CosLat);
  for (size_t i = 0; i < w.size(); ++i) EXPECT_NEAR(w[i], c[i], 1e-13);
}

TEST(RowWeights, MatchTheTableOf121RowsWithPoles) {
  const auto w = row_weights(rows_with_poles(121), AreaWeights::AreaWb2);
  EXPECT_NEAR(w[0], 0.00518318, kPrinted);
  EXPECT_NEAR(w[1], 0.04146013, kPrinted);
  EXPECT_NEAR(w[2], 0.08289184, kPrinted);
  EXPECT_NEAR(w[60], 1.58384106, kPrinted);
  const auto c = row_weights(rows_with_poles(121), AreaWeights::CosLat);
  size_t where = 0;
  double largest = 0;
  for (size_t i = 0; i < w.size(); ++i)
    if (std::abs(w[i] - c[i]) > largest) {
      largest = std::abs(w[i] - c[i]);
      where = i;
    }
  EXPECT_NEAR(largest, 5.18e-3, 5e-6);
  EXPECT_TRUE(where == 0 || where == 120);
}

TEST(RowWeights, MatchTheTableOf721RowsWithPoles) {
  const auto w = row_weights(rows_with_poles(721), AreaWeights::AreaWb2);
  EXPECT_NEAR(w[0], 0.00085793, kPrinted);
  EXPECT_NEAR(w[1], 0.00686338, kPrinted);
  EXPECT_NEAR(w[2], 0.01372664, kPrinted);
  EXPECT_NEAR(w[360], 1.57297674, kPrinted);
}

TEST(RowWeights, MatchThePearTwin) {
  std::vector<double> lat;
  for (int i = 0; i < 157; ++i) lat.push_back(90.0 * (78 - i) / 78);
  const auto w = row_weights(lat, AreaWeights::CosLat);
  EXPECT_EQ(w[0], 0);
  EXPECT_NEAR(w[1], 0.0318350494, 5e-11);
  EXPECT_NEAR(w[2], 0.0636571883, 5e-11);
  EXPECT_NEAR(w[39], 1.1178785197, 5e-11);
  EXPECT_NEAR(w[78], 1.5809189636, 5e-11);
}

TEST(RowWeights, AreTheSameBitsForBothLatitudeOrders) {
  for (const auto kind : {AreaWeights::AreaWb2, AreaWeights::AreaWbx, AreaWeights::CosLat}) {
    auto lat = rows_with_poles(37);
    lat.pop_back();  // not symmetric
    const auto down = row_weights(lat, kind);
    std::reverse(lat.begin(), lat.end());
    auto up = row_weights(lat, kind);
    std::reverse(up.begin(), up.end());
    EXPECT_EQ(down, up) << to_string(kind);
  }
}

TEST(RowWeights, WbxEndsHalfAStepOutsideTheLastRow) {
  // Rows -20, 0, 20: bounds -30, -10, 10, 30; wb2 closes the outer ones at the poles.
  const std::vector<double> lat{20, 0, -20};
  const double s10 = std::sin(10 * std::numbers::pi / 180), s30 = 0.5;
  const double mean_wbx = 2 * s30 / 3, mean_wb2 = 2.0 / 3;
  const auto wbx = row_weights(lat, AreaWeights::AreaWbx);
  EXPECT_NEAR(wbx[0], (s30 - s10) / mean_wbx, 1e-14);
  EXPECT_NEAR(wbx[1], 2 * s10 / mean_wbx, 1e-14);
  const auto wb2 = row_weights(lat, AreaWeights::AreaWb2);
  EXPECT_NEAR(wb2[0], (1 - s10) / mean_wb2, 1e-14);
}

TEST(CellWeights, FollowTheGrid) {
  const auto healpix = sphere::Grid::from_spec("healpix:2");
  EXPECT_EQ(area_weights_from("auto", healpix), AreaWeights::Equal);
  EXPECT_EQ(cell_weights(healpix, AreaWeights::Equal), std::vector<double>(48, 1.0));
  EXPECT_THROW(cell_weights(healpix, AreaWeights::AreaWb2), ConfigError);
  const auto latlon = sphere::Grid::from_spec("latlon:5x4+poles");
  EXPECT_EQ(area_weights_from("auto", latlon), AreaWeights::AreaWb2);
  const auto w = cell_weights(latlon, AreaWeights::AreaWb2);
  ASSERT_EQ(w.size(), 20u);
  // Bounds at +-67.5 and +-22.5 degrees; mean of sin differences is 2/5.
  const double s = std::sin(22.5 * std::numbers::pi / 180), S = std::sin(67.5 * std::numbers::pi / 180);
  EXPECT_NEAR(w[0], (1 - S) / 0.4, 1e-14);
  EXPECT_NEAR(w[7], (S - s) / 0.4, 1e-14);
  EXPECT_NEAR(w[8], 2 * s / 0.4, 1e-14);
  EXPECT_THROW(area_weights_from("area", latlon), ConfigError);
}

}  // namespace
}  // namespace pear::forecast
