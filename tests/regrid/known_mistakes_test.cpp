// Mistakes that other regridding programs made, one case each.
#include <gtest/gtest.h>
#include <netcdf.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"
#include "io/reader.h"
#include "sphere/grid/healpix.h"
#include "tests/base/scratch_folder.h"
#include "tests/io/netcdf_builder.h"
#include "tests/regrid/fields.h"

namespace pear::regrid {
namespace {

using sphere::Grid;
using testing::apply_one;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// A temperature on 721 x 1440 points, stored from any meridian and in either order of rows.
Array<float> read_back(const std::filesystem::path& path, double first_lon, bool is_south_first, bool has_duplicate) {
  const int cols = has_duplicate ? 1441 : 1440;
  std::vector<double> lat, lon, values;
  for (int j = 0; j < 721; ++j) lat.push_back(is_south_first ? -90 + 0.25 * j : 90 - 0.25 * j);
  for (int i = 0; i < cols; ++i) lon.push_back(first_lon + 0.25 * i);
  for (double y : lat)
    for (double x : lon) {
      const double column = std::fmod(x + 360, 360.0);  // the same number for the same place
      values.push_back(static_cast<float>(280 + 20 * std::cos(y * kRadPerDeg) * std::cos(column * kRadPerDeg)));
    }
  {
    io::layouts::NetcdfBuilder f(path);
    const int time = f.coordinate("time", NC_INT, {1051896}, "hours since 1900-01-01 00:00:00.0");
    const int rows = f.coordinate("latitude", NC_FLOAT, lat, "degrees_north");
    const int columns = f.coordinate("longitude", NC_FLOAT, lon, "degrees_east");
    const int t2m = f.variable("t2m", NC_FLOAT, {time, rows, columns});
    f.text(t2m, "units", "K");
    f.fill();
    f.put(t2m, values);
  }
  auto reader = io::open_fields(path);
  io::Field field = reader->read(0);
  EXPECT_EQ(*field.grid, Grid::from_spec("latlon:721x1440+poles")) << field.grid->spec();
  return std::move(field.values);
}

using KnownLayouts = test::ScratchFolder;

TEST_F(KnownLayouts, OfAnyStartLongitudeAndOrderOfRowsGiveTheSameBits) {
  const Grid s = Grid::from_spec("latlon:721x1440+poles");
  const auto first = read_back(folder / "a.nc", 0, false, false);
  const std::vector<float> x(first.span().begin(), first.span().end());
  for (const auto& [lon, south, duplicate] : {std::tuple{-180.0, false, false}, std::tuple{0.0, true, false},
                                              std::tuple{-180.0, true, false}, std::tuple{0.0, false, true}}) {
    const auto other = read_back(folder / "b.nc", lon, south, duplicate);
    ASSERT_TRUE(std::equal(x.begin(), x.end(), other.span().begin())) << lon << south << duplicate;
  }
  for (Method m : {Method::Bilinear, Method::Nearest, Method::Conservative}) {
    const auto y = apply_one(make_weights(s, Grid::from_spec("healpix:256"), m), x);
    EXPECT_EQ(std::count_if(y.begin(), y.end(), [](float v) { return !(v >= 260 && v <= 300); }), 0);
  }
}

TEST(KnownMistakes, ABellOnTheSeamIsAsGoodAsOneOnTheOtherSide) {
  const auto bell = [](double centre) {
    return [centre](double lat, double lon) {
      const double d = std::acos(std::clamp(std::cos(lat) * std::cos(lon - centre), -1.0, 1.0));
      return d < 0.35 ? (1 + std::cos(kPi * d / 0.35)) / 2 : 0.0;
    };
  };
  const Grid t = Grid::from_spec("healpix:256");
  for (const char* spec : {"latlon:181x360+poles", "latlon:180x360+half+lon0=0.5", "gaussian:F64"}) {
    double worst[2] = {0, 0};
    for (int k = 0; k < 2; ++k) {
      const auto f = bell(k * kPi);
      const auto found = testing::regrid_sample(Grid::from_spec(spec), t, Method::Bilinear, f);
      const auto exact = testing::sample(t, f);
      for (size_t i = 0; i < found.size(); ++i) worst[k] = std::max(worst[k], std::abs(found[i] - exact[i]));
    }
    EXPECT_LT(worst[0], 1e-2) << spec;  // a NaN would not be less
    EXPECT_NEAR(worst[0], worst[1], 1e-10) << spec;
  }
}

TEST(KnownMistakes, AConstantMapIsConstantAtEveryCornerOfEveryPixel) {
  for (int64_t nside : {1, 2, 4, 8}) {
    const Grid s(sphere::HealpixGrid{nside});
    std::map<double, std::set<double, std::greater<>>> corners;  // latitudes of every longitude
    for (int64_t p = 0; p < s.num_cells(); ++p)
      for (const sphere::Angle& a : sphere::boundary(s.healpix(), p, 2))
        corners[a.phi / kRadPerDeg].insert(90 - a.theta / kRadPerDeg);
    const std::vector<double> constant(static_cast<size_t>(s.num_cells()), 3.0);
    for (const auto& [lon, lat] : corners) {
      const Grid points(sphere::LatLonGrid{sphere::RowKind::Regional, {lat.begin(), lat.end()}, {lon}});
      for (Method m : {Method::Bilinear, Method::Nearest})
        for (double v : apply_one(make_weights(s, points, m), constant))
          ASSERT_NEAR(v, 3.0, 1e-14) << nside << " longitude " << lon;
    }
  }
}

TEST(KnownMistakes, AFieldLinearInHeightIsNotShiftedInLatitude) {
  const auto height = [](double lat, double) { return std::sin(lat); };
  const Grid s = Grid::from_spec("healpix:64"), t = Grid::from_spec("latlon:361x720+poles");
  const auto found = testing::regrid_sample(s, t, Method::Bilinear, height), exact = testing::sample(t, height);
  const auto c = t.centres();
  // Between rings spacing^2 / 8, at most 0.014^2 / 8; at a pole the value of its ring, which lies 1 / (3 nside^2)
  // lower.
  constexpr double kBetweenRings = 2.5e-5, kAtPole = 1.0 / (3 * 64 * 64), kFirstRingDeg = 89.2;
  double worst = 0, worst_polar = 0, shift = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    double& w = std::abs(c.lat_deg[i]) > kFirstRingDeg ? worst_polar : worst;
    w = std::max(w, std::abs(found[i] - exact[i]));
    shift += found[i] - exact[i];
  }
  EXPECT_LT(worst, kBetweenRings);
  EXPECT_NEAR(worst_polar, kAtPole, 1e-12);
  EXPECT_LT(std::abs(shift) / static_cast<double>(found.size()), 1e-12) << "north and south must cancel";
}

TEST(KnownMistakes, OneBuildServesEveryMaskAndLevel) {
  WeightCache cache("");
  const Grid s = Grid::from_spec("latlon:37x72+poles"), t = Grid::from_spec("healpix:8");
  const auto w = cache.get(s, t, Method::Conservative);
  EXPECT_EQ(cache.get(s, t, Method::Conservative), w) << "made once";
  // Three levels, each with a mask of its own over a constant: what is valid stays the constant, NaN stays NaN.
  const auto cells = static_cast<size_t>(s.num_cells()), targets = static_cast<size_t>(t.num_cells());
  std::vector<float> x(3 * cells, 7.5f), y(3 * targets);
  for (size_t f = 1; f < 3; ++f)
    for (size_t i = 0; i < cells; ++i)
      if (i % 72 < 20 * f) x[f * cells + i] = kNan;
  apply_weights(*w, std::span<const float>(x), std::span<float>(y), 3, {.missing = MissingPolicy::IfHeaviest});
  for (size_t f = 0; f < 3; ++f) {
    const auto missing = std::count_if(y.begin() + static_cast<std::ptrdiff_t>(f * targets),
                                       y.begin() + static_cast<std::ptrdiff_t>((f + 1) * targets),
                                       [](float v) { return std::isnan(v); });
    EXPECT_NEAR(static_cast<double>(missing) / static_cast<double>(targets), 20.0 * static_cast<double>(f) / 72, 0.04);
  }
  constexpr float kRounding = 1e-6f * 7.5f;  // float sums of a few dozen weights
  for (float v : y) ASSERT_TRUE(std::isnan(v) || std::abs(v - 7.5f) < kRounding) << v;
}

}  // namespace
}  // namespace pear::regrid
