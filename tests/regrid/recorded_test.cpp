// Results of earthkit-regrid (ECMWF's MIR), recorded in its own tests.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "sphere/grid/healpix_fields.h"
#include "tests/regrid/fields.h"
#include "tests/regrid/npz.h"

namespace pear::regrid {
namespace {

using sphere::Grid;

std::filesystem::path recorded(const std::string& name) {
  const char* data = std::getenv("PEAR_TEST_DATA");
  return std::filesystem::path(data ? data : "") / "healpix" / ("earthkit_regrid_" + name + ".npz");
}

#define SKIP_IF_ABSENT(name) \
  if (!std::filesystem::exists(recorded(name))) GTEST_SKIP() << "file " << recorded(name) << " absent"

const Grid kFive = Grid::from_spec("latlon:37x72+poles"), kTen = Grid::from_spec("latlon:19x36+poles");

TEST(RecordedEarthkit, LinearFrom5To10DegreesIsEqualBitForBit) {
  SKIP_IF_ABSENT("in_5x5");
  const auto in = testing::read_npz(recorded("in_5x5")), out = testing::read_npz(recorded("out_5x5_10x10_linear"));
  ASSERT_EQ(in.size(), 37u * 72u);
  EXPECT_EQ(testing::apply_one(make_weights(kFive, kTen, Method::Bilinear), in), out);
}

TEST(RecordedEarthkit, GridBoxAverageFrom5To10DegreesAgrees) {
  SKIP_IF_ABSENT("in_5x5");
  constexpr double kTolerance = 1e-11;  // relative; two programs with areas of their own
  const auto in = testing::read_npz(recorded("in_5x5"));
  const auto out = testing::read_npz(recorded("out_5x5_10x10_grid-box-average"));
  const auto found = testing::apply_one(make_weights(kFive, kTen, Method::Conservative), in);
  ASSERT_EQ(found.size(), out.size());
  const double scale = std::abs(*std::max_element(in.begin(), in.end()));
  double worst = 0;
  for (size_t i = 0; i < out.size(); ++i) worst = std::max(worst, std::abs(found[i] - out[i]) / scale);
  EXPECT_LT(worst, kTolerance);
  RecordProperty("worst", std::to_string(worst * 1e13));
}

TEST(RecordedEarthkit, NestedMapIsTheReorderedRingMap) {
  SKIP_IF_ABSENT("in_H4_ring");
  const auto ring = testing::read_npz(recorded("in_H4_ring")), nested = testing::read_npz(recorded("in_H4_nested"));
  std::vector<double> found(nested.size());
  sphere::reorder(4, sphere::PixelOrder::Ring, sphere::PixelOrder::Nested, std::span<const double>(ring),
                  std::span<double>(found));
  EXPECT_EQ(found, nested);
  const auto copy = make_weights(Grid::from_spec("healpix:4:ring"), Grid::from_spec("healpix:4"), Method::Conservative);
  EXPECT_EQ(testing::apply_one(copy, ring), nested) << "the same by weights";
}

}  // namespace
}  // namespace pear::regrid
