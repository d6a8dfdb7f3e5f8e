#include "forecast/verify/regions.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace pear::forecast {
namespace {

// 2.5 degree rows and columns: all edges of the named regions fall on grid points.
const sphere::Grid& grid() {
  static const auto g = sphere::Grid::from_spec("latlon:73x144+poles");
  return g;
}
const std::vector<double> kOnes(73 * 144, 1.0);

int64_t count(const Region& region) {
  int64_t n = 0;
  for (const double w : region.weights) n += w > 0 ? 1 : 0;
  return n;
}
int64_t cells_in(const std::string& name) { return count(make_region(name, grid(), kOnes)); }

TEST(Regions, HaveInclusiveEdges) {
  EXPECT_EQ(cells_in("global"), 73 * 144);
  EXPECT_EQ(cells_in("tropics"), 17 * 144);  // -20..20
  EXPECT_EQ(cells_in("nh"), 29 * 144);       // 20..90
  EXPECT_EQ(cells_in("sh"), 29 * 144);
  EXPECT_EQ(cells_in("extratropics"), 58 * 144);  // both: rows at 20 belong to tropics and extratropics
  EXPECT_EQ(cells_in("europe"), 17 * 23);         // 35..75, -12.5..42.5
  EXPECT_EQ(cells_in("north_america"), 15 * 19);  // 25..60, 240..285
  EXPECT_EQ(cells_in("north_atlantic"), 17 * 25);
  EXPECT_EQ(cells_in("north_pacific"), 15 * 35);  // across the date line: 145..230
  EXPECT_EQ(cells_in("east_asia"), 15 * 20);
  EXPECT_EQ(cells_in("ausnz"), 14 * 23);
  EXPECT_EQ(cells_in("arctic"), 13 * 144);
  EXPECT_EQ(cells_in("antarctic"), 13 * 144);
}

TEST(Regions, TakeUsersBoxes) {
  const std::map<std::string, BoxConfig> boxes{{"atlantic_cell", {0, 2.5, -2.5, 0}}, {"pacific", {-5, 5, 170, -170}}};
  const auto cell = make_region("atlantic_cell", grid(), kOnes, boxes);
  EXPECT_EQ(count(cell), 4);
  EXPECT_EQ(count(make_region("pacific", grid(), kOnes, boxes)), 5 * 9);
}

TEST(Regions, LandMultipliesByTheLandFraction) {
  std::vector<float> land(kOnes.size(), 0.0f);
  land[36 * 144] = 0.25f;  // equator, Greenwich
  const auto region = make_region("tropics_land", grid(), kOnes, {}, land);
  EXPECT_EQ(count(region), 1);
  EXPECT_EQ(region.weights[36 * 144], 0.25);
  EXPECT_THROW(make_region("tropics_land", grid(), kOnes), ConfigError);
  EXPECT_THROW(make_region("arctic_land", grid(), kOnes, {}, land), ConfigError);  // no land there
}

TEST(Regions, UnknownNamesListTheKnownOnes) {
  try {
    make_region("atlantis", grid(), kOnes);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.code(), "UnknownRegion");
    EXPECT_NE(std::string(error.what()).find("north_pacific"), std::string::npos);
  }
}

}  // namespace
}  // namespace pear::forecast
