// Grids as values: specs that read back, classification by value, areas, errors.
#include "sphere/grid/grid.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/error.h"

namespace pear::sphere {
namespace {

constexpr double kPi = std::numbers::pi;

std::vector<double> rows(double first, double step, int count) {
  std::vector<double> v;
  for (int i = 0; i < count; ++i) v.push_back(first + step * i);
  return v;
}

template <class E, class F>
std::string code_of(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.code();
  }
  return "no error";
}

TEST(GridSpec, EveryFormReadsBackToAnEqualGrid) {
  for (const char* spec : {"healpix:64:nested",
                           "healpix:3:ring",
                           "healpix:8:xy-south",
                           "healpix:8:xy-north",
                           "latlon:721x1440+poles",
                           "latlon:720x1440+half",
                           "latlon:720x1440+north",
                           "latlon:1799x3600+inner",
                           "latlon:180x360+half+lon0=0.5",
                           "latlon:32x64+half+lon0=2.8125",
                           "latlon:720x1440+inner=89.75/-90",
                           "latlon:179x360+inner=89.6/-89.8",
                           "gaussian:F32",
                           "gaussian:F640",
                           "gaussian:N48",
                           "gaussian:N320",
                           "gaussian:O32",
                           "gaussian:64x130",
                           "gaussian:65x128",
                           "latlon:121x201+area=60/-10/30/40",
                           "latlon:1x1+area=10/20/10/20",
                           "gaussian:N2+pl=20/25",
                           "latlon:3x2+area=60/0/10/1+lats=60/30/10"}) {
    const Grid g = Grid::from_spec(spec);
    EXPECT_EQ(g.spec(), spec);
    EXPECT_EQ(Grid::from_spec(g.spec()), g) << spec;
  }
  EXPECT_EQ(Grid::from_spec("healpix:64").spec(), "healpix:64:nested");
}

TEST(GridSpec, FirstMeridiansThatAreNotRoundReadBackExactly) {
  for (double first : {0.1, 0.1234567890123, 1.0 / 3.0, 0.3 * 0.7}) {
    const auto lat = rows(90, -1, 181);
    std::vector<double> lon;
    for (int i = 0; i < 360; ++i) lon.push_back(first + i);
    const Grid g = Grid::from_coordinates(lat, lon);
    EXPECT_EQ(Grid::from_spec(g.spec()), g) << g.spec();
  }
}

TEST(GridSpec, UnknownFormsListTheKnownOnes) {
  for (const char* spec : {"",
                           "healpix",
                           "healpix:",
                           "healpix:0",
                           "healpix:-4",
                           "healpix:4x",
                           "healpix:4:diagonal",
                           "healpix:4:ring:1",
                           "latlon:721x1440",
                           "latlon:721+poles",
                           "latlon:1x4+poles",
                           "latlon:8x8+round",
                           "latlon:8x8+poles+lon0=-180",
                           "latlon:8x8+poles+lon0=nan",
                           "latlon:8x8+area=1/2/3",
                           "latlon:8x8+area=30/0/60/10",
                           "gaussian:G32",
                           "gaussian:F",
                           "gaussian:N33",
                           "gaussian:N2+pl=20",
                           "gaussian:N2+pl=20x3",
                           "gaussian:N2+pl=20/25x9223372036854775807",
                           "gaussian:N2+pl=20/9223372036854775807",
                           "gaussian:F8193",
                           "latlon:7x28+inner=14/-0.8",
                           "gaussian:16385x4",
                           "octahedral:32",
                           "latlon:99999999999x4+poles",
                           "healpix:99999999999999999999"})
    EXPECT_EQ(code_of<ConfigError>([&] { Grid::from_spec(spec); }), "UnknownGrid") << spec;
  EXPECT_EQ(code_of<ConfigError>([] { Grid::from_spec("healpix:3"); }), "NestedNeedsPowerOfTwo");
  try {
    Grid::from_spec("cubed-sphere:c48");
    FAIL();
  } catch (const ConfigError& e) {
    for (const char* word : {"cubed-sphere:c48", "healpix:64", "latlon:721x1440", "gaussian:F32", "lon0"})
      EXPECT_NE(std::string(e.what()).find(word), std::string::npos) << word;
  }
}

TEST(GridCoordinates, RowsAreClassifiedByValue) {
  const auto lon = rows(0, 1.0, 360);
  const auto kind = [&](const std::vector<double>& lat) { return Grid::from_coordinates(lat, lon).latlon().rows; };
  EXPECT_EQ(kind(rows(90, -0.25, 721)), RowKind::Poles);
  EXPECT_EQ(kind(rows(89.5, -1, 180)), RowKind::Half);
  EXPECT_EQ(kind(rows(90, -0.25, 720)), RowKind::North);
  EXPECT_EQ(kind(rows(89.9, -0.1, 1799)), RowKind::Inner);
  EXPECT_EQ(kind(rows(89.75, -0.25, 720)), RowKind::Inner);  // south pole only
  EXPECT_EQ(kind(rows(60, -1, 121)), RowKind::Regional);
  EXPECT_EQ(kind(rows(88.5, -1, 178)), RowKind::Regional);  // a ring around each pole is missing
  EXPECT_EQ(kind({87.864,  85.097,  82.313,  79.526,  76.737,  73.948,  71.158,  68.368,  65.578,  62.787,  59.997,
                  57.207,  54.416,  51.626,  48.835,  46.045,  43.254,  40.464,  37.673,  34.883,  32.092,  29.301,
                  26.511,  23.720,  20.930,  18.139,  15.348,  12.558,  9.767,   6.977,   4.186,   1.395,   -1.395,
                  -4.186,  -6.977,  -9.767,  -12.558, -15.348, -18.139, -20.930, -23.720, -26.511, -29.301, -32.092,
                  -34.883, -37.673, -40.464, -43.254, -46.045, -48.835, -51.626, -54.416, -57.207, -59.997, -62.787,
                  -65.578, -68.368, -71.158, -73.948, -76.737, -79.526, -82.313, -85.097, -87.864}),
            RowKind::Gaussian);  // rounded as in files
}

TEST(GridCoordinates, Float32CoordinatesGiveTheExactGrid) {
  std::vector<double> lat, lon;
  for (int j = 0; j < 721; ++j) lat.push_back(static_cast<float>(90 - 0.25 * j));
  for (int i = 0; i < 1440; ++i) lon.push_back(static_cast<float>(0.25 * i));
  EXPECT_EQ(Grid::from_coordinates(lat, lon), Grid::from_spec("latlon:721x1440+poles"));
  lat.clear(), lon.clear();
  for (int j = 0; j < 540; ++j) lat.push_back(static_cast<float>(90 - (j + 0.5) / 3));
  for (int i = 0; i < 1080; ++i) lon.push_back(static_cast<float>((i + 0.5) / 3));
  EXPECT_EQ(Grid::from_coordinates(lat, lon), Grid::from_spec("latlon:540x1080+half+lon0=0.16666666666666666"));
}

TEST(GridCoordinates, RegionsKeepTheirRange) {
  const Grid g = Grid::from_coordinates(rows(60, -0.25, 121), rows(-10, 0.25, 201));
  EXPECT_FALSE(g.is_global());
  EXPECT_EQ(g.spec(), "latlon:121x201+area=60/-10/30/40");
  EXPECT_EQ(g.centres().lon_deg.front(), -10);
  // One step of 0.25 deg around each centre.
  const double expected = 50.25 * kPi / 180 * (std::sin(60.125 * kPi / 180) - std::sin(29.875 * kPi / 180));
  const auto areas = g.areas_sr();
  EXPECT_NEAR(std::accumulate(areas.begin(), areas.end(), 0.0), expected, 1e-12);
}

TEST(GridCoordinates, WrongOrdersAreRefusedByName) {
  const auto lon = rows(0, 1.0, 360), lat = rows(89.5, -1, 180);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(code_of<DataError>([&] { Grid::from_coordinates(rows(-89.5, 1, 180), lon); }), "RowsNotMonotonic");
  EXPECT_EQ(code_of<DataError>([&] { Grid::from_coordinates(std::vector<double>{nan}, lon); }), "RowsNotMonotonic");
  EXPECT_EQ(code_of<DataError>([&] { Grid::from_coordinates(std::vector<double>{}, lon); }), "RowsNotMonotonic");
  EXPECT_EQ(code_of<DataError>([&] { Grid::from_coordinates(rows(120, -1, 180), lon); }), "RowsNotMonotonic");
  EXPECT_EQ(code_of<DataError>([&] { Grid::from_coordinates(lat, rows(0, 1, 361)); }), "LongitudesIrregular");
  EXPECT_EQ(code_of<DataError>([&] { Grid::from_coordinates(lat, rows(-180, 1, 360)); }), "LongitudesIrregular");
  EXPECT_EQ(code_of<DataError>([&] { Grid::from_coordinates(lat, rows(359, -1, 360)); }), "LongitudesIrregular");
  EXPECT_EQ(code_of<DataError>([&] {
              Grid::from_coordinates(lat, std::vector<double>{0, 1, 3});
            }),
            "LongitudesIrregular");
  EXPECT_EQ(code_of<DataError>([&] { Grid::from_coordinates(lat, std::vector<double>{nan}); }), "LongitudesIrregular");
}

TEST(GridAreas, PolarCellsHaveTheRecordedShareOfTheMean) {
  const std::tuple<const char*, size_t, double, double> cases[] = {
      {"latlon:19x36+poles", 36, 0.03615037, 0.28755428}, {"latlon:721x1440+poles", 1440, 0.00085793, 0.00686338}};
  for (const auto& [spec, columns, first, second] : cases) {
    const auto areas = Grid::from_spec(spec).areas_sr();
    const double mean = 4 * kPi / static_cast<double>(areas.size());
    // Design page: mean over rows of the row weights, i.e. cell area / mean cell area.
    EXPECT_NEAR(areas[0] / mean, first, 5e-9) << spec;
    EXPECT_NEAR(areas[columns] / mean, second, 5e-9) << spec;
  }
}

TEST(GridAreas, SumToTheSphereAndFollowTheCellCount) {
  for (const char* spec : {"healpix:16", "healpix:5:ring", "latlon:19x36+poles", "latlon:18x36+half",
                           "latlon:18x36+north", "latlon:179x360+inner", "latlon:720x1440+inner=89.75/-90",
                           "gaussian:F32", "gaussian:N48", "gaussian:O32", "gaussian:33x64"}) {
    const Grid g = Grid::from_spec(spec);
    const auto areas = g.areas_sr();
    EXPECT_EQ(static_cast<int64_t>(areas.size()), g.num_cells()) << spec;
    EXPECT_NEAR(std::accumulate(areas.begin(), areas.end(), 0.0), 4 * kPi, 1e-11) << spec;
    EXPECT_GT(*std::min_element(areas.begin(), areas.end()), 0) << spec;
    EXPECT_TRUE(g.is_global()) << spec;
  }
}

TEST(GridAreas, HalfRowsAreBandsBetweenTheirEdges) {
  const auto areas = Grid::from_spec("latlon:18x36+half").areas_sr();
  for (int j = 0; j < 18; ++j) {
    const double expected = (std::cos(kPi * j / 18) - std::cos(kPi * (j + 1) / 18)) * 2 * kPi / 36;
    EXPECT_NEAR(areas[static_cast<size_t>(36 * j)], expected, 1e-15);
  }
}

TEST(GridCentres, AreInCanonicalOrderWithLongitudesFromZero) {
  for (const char* spec : {"healpix:4", "healpix:4:ring", "latlon:9x16+poles", "latlon:9x16+half+lon0=11.25",
                           "gaussian:O4", "gaussian:N32"}) {
    const Grid g = Grid::from_spec(spec);
    const auto c = g.centres();
    ASSERT_EQ(static_cast<int64_t>(c.lat_deg.size()), g.num_cells());
    ASSERT_EQ(static_cast<int64_t>(c.lon_deg.size()), g.num_cells());
    for (size_t i = 0; i < c.lat_deg.size(); ++i) {
      ASSERT_TRUE(c.lat_deg[i] >= -90 && c.lat_deg[i] <= 90) << spec;
      ASSERT_TRUE(c.lon_deg[i] >= 0 && c.lon_deg[i] < 360) << spec;
    }
  }
  const auto c = Grid::from_spec("latlon:3x4+poles").centres();
  EXPECT_EQ(c.lat_deg, (std::vector<double>{90, 90, 90, 90, 0, 0, 0, 0, -90, -90, -90, -90}));
  EXPECT_EQ(c.lon_deg, (std::vector<double>{0, 90, 180, 270, 0, 90, 180, 270, 0, 90, 180, 270}));
}

TEST(ReducedGaussianGrid, KnownListsHaveTheirPublishedNumbersOfPoints) {
  const std::pair<const char*, int64_t> sizes[] = {
      {"gaussian:N32", 6114},     {"gaussian:N48", 13280},   {"gaussian:N80", 35718},    {"gaussian:N128", 88838},
      {"gaussian:N160", 138346},  {"gaussian:N256", 348528}, {"gaussian:N320", 542080},  {"gaussian:N400", 843490},
      {"gaussian:N640", 2140702}, {"gaussian:O32", 5248},    {"gaussian:O1280", 6599680}};
  for (const auto& [spec, size] : sizes) EXPECT_EQ(Grid::from_spec(spec).num_cells(), size) << spec;
}

TEST(ReducedGaussianGrid, DecidesByTheListWhatItIs) {
  const Grid o = Grid::from_spec("gaussian:O8");
  const auto& value = std::get<ReducedGaussianGrid>(o.value());
  EXPECT_EQ(value.row_lengths.front(), 20);
  EXPECT_EQ(value.row_lengths[7], 48);
  EXPECT_EQ(Grid(ReducedGaussianGrid{value.lat_deg, value.row_lengths, false}), o);
  auto rounded = value;
  for (double& x : rounded.lat_deg) x = std::round(x * 1000) / 1000;
  EXPECT_EQ(Grid(rounded), o);
  auto other = value;
  other.row_lengths.front() = other.row_lengths.back() = 24;
  EXPECT_EQ(Grid::from_spec(Grid(other).spec()), Grid(other));
  EXPECT_NE(Grid(other), o);
  other.row_lengths.front() = 0;
  EXPECT_THROW(Grid{other}, DataError);
  other = value;
  other.lat_deg[3] += 0.1;
  EXPECT_THROW(Grid{other}, DataError);
}

}  // namespace
}  // namespace pear::sphere
