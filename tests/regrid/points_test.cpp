// Linear and nearest weights on every kind of grid, regional sources and targets.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/regrid/fields.h"

namespace pear::regrid {
namespace {

using sphere::Grid;
using testing::apply_one;
using testing::l2_error;
using testing::regrid_sample;
using testing::sample;

TEST(Bilinear, FollowsTheVortexFrom025DegreesToNside64) {
  const Grid s = Grid::from_spec("latlon:721x1440+poles"), t = Grid::from_spec("healpix:64");
  const double error = l2_error(t, regrid_sample(s, t, Method::Bilinear, testing::vortex), sample(t, testing::vortex));
  EXPECT_LT(error, 6e-5);
  EXPECT_GT(error, 1e-6) << "too good to be linear: the field is not the vortex";
  RecordProperty("error", std::to_string(error * 1e6));
}

TEST(Bilinear, IsSecondOrderOnGaussianAndReducedSources) {
  const Grid t = Grid::from_spec("healpix:27:ring");  // its meridians are not those of the sources
  const auto exact = sample(t, testing::y22);
  // Errors of the second derivative: spacing^2 / 8 of a field of size 2, so four times smaller at half the spacing.
  for (const auto& [coarse, fine] :
       {std::pair{"gaussian:F32", "gaussian:F64"}, std::pair{"gaussian:O32", "gaussian:O64"},
        std::pair{"gaussian:N48", "gaussian:N96"}}) {
    const double e1 = l2_error(t, regrid_sample(Grid::from_spec(coarse), t, Method::Bilinear, testing::y22), exact);
    const double e2 = l2_error(t, regrid_sample(Grid::from_spec(fine), t, Method::Bilinear, testing::y22), exact);
    EXPECT_LT(e1, 1.2e-3) << coarse;
    EXPECT_GT(e1 / e2, 3.3) << coarse;
    EXPECT_LT(e1 / e2, 4.7) << coarse;
  }
}

TEST(Bilinear, KeepsValuesAtCentresOfTheSource) {
  for (const char* spec : {"gaussian:O32", "gaussian:N48", "latlon:36x72+half+lon0=1.25", "healpix:16:ring"}) {
    const Grid g = Grid::from_spec(spec);
    const auto x = sample(g, testing::vortex), y = apply_one(make_weights(g, g, Method::Bilinear), x);
    for (size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(y[i], x[i], 1e-11) << spec << " cell " << i;
  }
}

double haversine(double lat1, double lon1, double lat2, double lon2) {
  const double a = std::pow(std::sin((lat1 - lat2) / 2), 2) +
                   std::cos(lat1) * std::cos(lat2) * std::pow(std::sin((lon1 - lon2) / 2), 2);
  return 2 * std::asin(std::sqrt(a));
}

TEST(Nearest, IsTheNearestOfAllCellsOnReducedGrids) {
  for (const char* spec : {"gaussian:O32", "gaussian:N48"}) {
    const Grid s = Grid::from_spec(spec), t = Grid::from_spec("healpix:8:ring");
    const Weights w = make_weights(s, t, Method::Nearest);
    const auto from = s.centres(), to = t.centres();
    for (size_t i = 0; i < to.lat_deg.size(); ++i) {
      const auto distance = [&](size_t k) {
        return haversine(to.lat_deg[i] * kRadPerDeg, to.lon_deg[i] * kRadPerDeg, from.lat_deg[k] * kRadPerDeg,
                         from.lon_deg[k] * kRadPerDeg);
      };
      double best = 10;
      for (size_t k = 0; k < from.lat_deg.size(); ++k) best = std::min(best, distance(k));
      ASSERT_EQ(w.row_start[i + 1] - w.row_start[i], 1);
      ASSERT_NEAR(distance(static_cast<size_t>(w.column[i])), best, 1e-9) << spec << " pixel " << i;
    }
  }
}

TEST(Nearest, RoundsEachAxisOnLatLonAndGivesTiesToTheLowerIndex) {
  const Grid s = Grid::from_spec("latlon:19x36+poles");
  const auto column = [&](double lat, double lon) {
    const Grid point(sphere::LatLonGrid{sphere::RowKind::Regional, {lat}, {lon}});
    return make_weights(s, point, Method::Nearest).column.at(0);
  };
  EXPECT_EQ(column(84.9, 4.9), 36 + 0);
  EXPECT_EQ(column(85.0, 5.0), 0) << "both ties to the lower index";
  EXPECT_EQ(column(84.9, 355.1), 36 + 0) << "across the seam";
  EXPECT_EQ(column(84.9, 355.0), 36 + 0) << "the tie between the last and the first meridian";
  EXPECT_EQ(column(84.9, -5.1), 36 + 35);
  EXPECT_EQ(column(-90, 359), 18 * 36);
}

TEST(RegionalSource, GivesTheValuesOfTheGlobalSourceInsideAndNaNOutside) {
  const Grid whole = Grid::from_spec("latlon:181x360+poles"), t = Grid::from_spec("healpix:32");
  for (const char* spec : {"latlon:41x61+area=60/10/20/70", "latlon:41x61+area=60/-30/20/30"}) {
    const Grid part = Grid::from_spec(spec);
    const double west = spec[std::string(spec).find('/') + 1] == '-' ? -30 : 10;
    for (Method m : {Method::Bilinear, Method::Nearest}) {
      const double border = m == Method::Nearest ? 0.5 : 0.0;
      const auto expected = regrid_sample(whole, t, m, testing::y22), found = regrid_sample(part, t, m, testing::y22);
      const auto c = t.centres();
      int inside = 0;
      for (size_t i = 0; i < found.size(); ++i) {
        double lon = c.lon_deg[i];
        if (west < 0 && lon > 180) lon -= 360;
        const bool is_in = c.lat_deg[i] >= 20 - border && c.lat_deg[i] <= 60 + border && lon >= west - border &&
                           lon <= west + 60 + border;
        inside += is_in;
        if (is_in)
          ASSERT_NEAR(found[i], expected[i], 1e-12) << spec << " pixel " << i;
        else
          ASSERT_TRUE(std::isnan(found[i])) << spec << ": outside is missing, not " << found[i];
      }
      EXPECT_GT(inside, 500);
    }
  }
}

TEST(RegionalTarget, HasTheValuesOfTheSameCellsOfAGlobalTarget) {
  const Grid whole = Grid::from_spec("latlon:180x360+half+lon0=0.5");
  const Grid part = Grid::from_spec("latlon:30x40+area=49.5/-19.5/20.5/19.5");
  for (const char* source : {"healpix:32", "latlon:91x180+poles", "gaussian:O32"}) {
    for (Method m : {Method::Conservative, Method::Bilinear, Method::Nearest}) {
      const Grid s = Grid::from_spec(source);
      const auto all = regrid_sample(s, whole, m, testing::vortex), found = regrid_sample(s, part, m, testing::vortex);
      ASSERT_EQ(found.size(), 30u * 40u);
      for (size_t j = 0; j < 30; ++j)
        for (size_t i = 0; i < 40; ++i)
          ASSERT_NEAR(found[j * 40 + i], all[(40 + j) * 360 + (340 + i) % 360], 1e-12)
              << source << " " << j << " " << i;
      EXPECT_LT(make_weights(s, part, m).check().max_row_sum_error, 1e-12);
    }
  }
}

}  // namespace
}  // namespace pear::regrid
