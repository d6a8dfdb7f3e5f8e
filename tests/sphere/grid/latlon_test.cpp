// Gaussian nodes, quadrature and the search for neighbouring rows and columns.
#include "sphere/grid/latlon.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/error.h"
#include "sphere/grid/rows.h"

namespace pear::sphere {
namespace {

constexpr double kPi = std::numbers::pi;

double legendre_at(int n, double z) {  // explicit recurrence in long double
  long double a = 1, b = z;
  for (int k = 2; k <= n; ++k) {
    const long double c = ((2 * k - 1) * static_cast<long double>(z) * b - (k - 1) * a) / k;
    a = b, b = c;
  }
  return static_cast<double>(n == 0 ? a : b);
}

TEST(GaussianRows, FewRowsHaveTheirClosedForms) {
  EXPECT_NEAR(gaussian_latitudes_deg(2)[0], std::asin(1 / std::sqrt(3.0)) * 180 / kPi, 1e-13);
  EXPECT_NEAR(gaussian_latitudes_deg(3)[0], std::asin(std::sqrt(0.6)) * 180 / kPi, 1e-13);
  EXPECT_EQ(gaussian_latitudes_deg(3)[1], 0.0);
  EXPECT_NEAR(gaussian_weights(3)[1], 8.0 / 9, 1e-14);
  EXPECT_NEAR(gaussian_weights(3)[0], 5.0 / 9, 1e-14);
}

TEST(GaussianRows, AreRootsOfTheLegendrePolynomialInOrderAndSymmetric) {
  for (int n : {2, 3, 64, 95, 640, 2560}) {
    const auto lat = gaussian_latitudes_deg(n);
    for (int j = 0; j < n; ++j) {
      const double z = std::sin(lat[static_cast<size_t>(j)] * kPi / 180);
      // Slope at a root is about sqrt(2 n / pi) / cos(lat)^1.5 >= sqrt(n); one unit of rounding of z may remain.
      const double slope = std::sqrt(2.0 * n / kPi) / std::pow(std::cos(lat[static_cast<size_t>(j)] * kPi / 180), 1.5);
      ASSERT_LT(std::abs(legendre_at(n, z)), 2e-15 * slope + 1e-15) << n << " row " << j;
      ASSERT_EQ(lat[static_cast<size_t>(j)], -lat[static_cast<size_t>(n - 1 - j)]);
      ASSERT_TRUE(j == 0 || lat[static_cast<size_t>(j)] < lat[static_cast<size_t>(j - 1)]);
    }
  }
}

TEST(QuadratureWeights, IntegratePolynomialsOfEveryPromisedDegree) {
  for (const auto& [kind, n, degrees] : {std::tuple{RowKind::Poles, 19, 18},
                                         {RowKind::Poles, 20, 19},
                                         {RowKind::Half, 18, 17},
                                         {RowKind::Half, 17, 16},
                                         {RowKind::North, 18, 17},
                                         {RowKind::Gaussian, 16, 31},
                                         {RowKind::Gaussian, 15, 29},
                                         {RowKind::Poles, 721, 720}}) {
    const auto w = quadrature_weights(kind, n);
    const auto lat = row_latitudes_deg(kind, n);
    for (int d = 0; d <= degrees; ++d) {
      double sum = 0;
      for (size_t j = 0; j < w.size(); ++j) sum += w[j] * std::pow(std::sin(lat[j] * kPi / 180), d);
      ASSERT_NEAR(sum, d % 2 == 0 ? 2.0 / (d + 1) : 0.0, 2e-13) << n << " rows, degree " << d;
    }
  }
}

TEST(QuadratureWeights, AreRefusedWhereNoRuleExists) {
  EXPECT_THROW(quadrature_weights(RowKind::Inner, 10), ConfigError);
  EXPECT_THROW(quadrature_weights(RowKind::Regional, 10), ConfigError);
  EXPECT_THROW(quadrature_weights(RowKind::North, 9), ConfigError);
}

TEST(RowsAround, ReproduceAnyLatitudeLinearly) {
  for (const char* spec : {"latlon:19x36+poles", "latlon:18x36+half", "latlon:18x36+north", "latlon:17x36+inner",
                           "gaussian:F8", "latlon:20x4+area=60/0/-35.5/3"}) {
    const Grid g = Grid::from_spec(spec);
    const auto& grid = g.latlon();
    const double high = g.is_global() ? 90 : 60, low = g.is_global() ? -90 : -35.5;
    for (int i = 0; i <= 2000; ++i) {
      const double lat = high + (low - high) * i / 2000;
      const AxisPair p = rows_around(grid, lat);
      const auto value = [&](int64_t row) {
        if (row < 0) return 90.0;
        return row == static_cast<int64_t>(grid.lat_deg.size()) ? -90.0 : grid.lat_deg[static_cast<size_t>(row)];
      };
      ASSERT_EQ(p.second, p.first + 1) << spec;
      ASSERT_TRUE(p.weight >= 0 && p.weight <= 1) << spec << " " << lat;
      ASSERT_NEAR((1 - p.weight) * value(p.first) + p.weight * value(p.second), lat, 1e-12) << spec;
      ASSERT_TRUE(!std::string(spec).ends_with("poles") || (p.first >= 0 && p.second <= 18));
    }
  }
}

TEST(RowsAround, TheVirtualPoleRowsOccurOnlyWithoutARealOne) {
  const Grid poles_grid = Grid::from_spec("latlon:19x36+poles"), half_grid = Grid::from_spec("latlon:18x36+half");
  const auto &poles = poles_grid.latlon(), &half = half_grid.latlon();
  EXPECT_EQ(rows_around(poles, 90).first, 0);
  EXPECT_EQ(rows_around(poles, -90).second, 18);
  EXPECT_EQ(rows_around(half, 90).first, -1);
  EXPECT_EQ(rows_around(half, -90).second, 18);
  EXPECT_EQ(rows_around(half, -90).weight, 1.0);
}

TEST(ColumnsAround, WrapFromAnyFirstLongitudeAndAnyTurn) {
  for (const char* spec : {"latlon:4x36+half", "latlon:4x36+half+lon0=5", "latlon:4x7+half", "latlon:4x1+half"}) {
    const Grid g = Grid::from_spec(spec);
    const auto& grid = g.latlon();
    const auto m = static_cast<int64_t>(grid.lon_deg.size());
    for (double lon :
         {0.0, 359.99, 359.9999999999999, 360.0, -0.01, -1e-18, -180.0, 180.0, 179.5, -725.0, 2.5, 4.99, 1000.1}) {
      const AxisPair p = columns_around(grid, lon);
      ASSERT_TRUE(p.first >= 0 && p.first < m && p.second == (p.first + 1) % m) << spec << " " << lon;
      ASSERT_TRUE(p.weight >= 0 && p.weight <= 1);
      const double back = grid.lon_deg[static_cast<size_t>(p.first)] + p.weight * 360.0 / static_cast<double>(m);
      ASSERT_NEAR(std::remainder(back - lon, 360.0), 0.0, 1e-11) << spec << " " << lon;
    }
  }
}

TEST(ColumnsAround, RegionsRefusePointsOutside) {
  const Grid g = Grid::from_spec("latlon:21x21+area=60/-10/40/10");
  EXPECT_EQ(columns_around(g.latlon(), 355).first, 5);
  EXPECT_EQ(columns_around(g.latlon(), 10).weight, 1.0);
  EXPECT_THROW(columns_around(g.latlon(), 10.5), DataError);
  EXPECT_THROW(rows_around(g.latlon(), 39.9), DataError);
  EXPECT_THROW(rows_around(g.latlon(), std::numeric_limits<double>::quiet_NaN()), DataError);
  const Grid globe = Grid::from_spec("latlon:4x36+half");
  EXPECT_THROW(columns_around(globe.latlon(), std::numeric_limits<double>::infinity()), DataError);
  EXPECT_THROW(rows_around(globe.latlon(), 90.1), DataError);
}

}  // namespace
}  // namespace pear::sphere
