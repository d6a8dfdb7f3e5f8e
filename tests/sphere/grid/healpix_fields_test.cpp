// Whole fields: reorder, degrade, upgrade.
#include "sphere/grid/healpix_fields.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace pear::sphere {
namespace {

constexpr PixelOrder kOrders[] = {PixelOrder::Ring, PixelOrder::Nested, PixelOrder::XySouth, PixelOrder::XyNorth};
const float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> ramp(int64_t size) {
  std::vector<float> v(static_cast<size_t>(size));
  std::iota(v.begin(), v.end(), 1.0f);
  return v;
}

template <class T>
std::span<const T> view(const std::vector<T>& v) {
  return v;
}

TEST(HealpixReorder, MovesTheValueOfEveryPixelOfEveryField) {
  const int64_t n = 4, pixels = 192;
  const auto in = ramp(2 * pixels);
  for (PixelOrder to : kOrders) {
    std::vector<float> out(in.size()), back(in.size());
    reorder<float>(n, PixelOrder::Nested, to, in, out);
    for (int64_t f = 0; f < 2; ++f)
      for (int64_t p = 0; p < pixels; ++p)
        ASSERT_EQ(out[static_cast<size_t>(f * pixels + convert_order(n, PixelOrder::Nested, to, p))],
                  in[static_cast<size_t>(f * pixels + p)]);
    reorder<float>(n, to, PixelOrder::Nested, out, back);
    EXPECT_EQ(back, in);
  }
}

TEST(HealpixDegrade, IsTheMeanOfConsecutiveNestedPixels) {
  const auto in = ramp(12 * 64);
  std::vector<float> out(48);
  degrade<float>({8, PixelOrder::Nested}, 2, in, out);
  for (size_t p = 0; p < out.size(); ++p) EXPECT_EQ(out[p], 16.0f * static_cast<float>(p) + 8.5f);
}

TEST(HealpixDegrade, GivesTheSameFieldInEveryOrder) {
  const auto in = ramp(12 * 64);
  std::vector<float> nested(48);
  degrade<float>({8, PixelOrder::Nested}, 2, in, nested);
  for (PixelOrder order : kOrders) {
    std::vector<float> fine(in.size()), coarse(48), back(48);
    reorder<float>(8, PixelOrder::Nested, order, in, fine);
    degrade<float>({8, order}, 2, fine, coarse);
    reorder<float>(2, order, PixelOrder::Nested, coarse, back);
    EXPECT_EQ(back, nested);
  }
}

TEST(HealpixDegrade, RingOrderTakesAnyWholeRatio) {
  std::vector<double> in(12 * 36), out(48);
  double sum = 0;
  for (size_t p = 0; p < in.size(); ++p) sum += in[p] = std::sin(static_cast<double>(p));
  degrade<double>({6, PixelOrder::Ring}, 2, in, out);
  EXPECT_NEAR(std::accumulate(out.begin(), out.end(), 0.0) * 9, sum, 1e-12);  // equal areas: the mean is kept
}

TEST(HealpixDegrade, MissingChildrenFollowThePolicy) {
  std::vector<float> in(48, 2.0f), out(12);
  in[0] = kNan;                                 // one child of pixel 0
  for (size_t c = 4; c < 8; ++c) in[c] = kNan;  // all of pixel 1
  in[8] = 6.0f, in[9] = kNan;
  degrade<float>({2, PixelOrder::Nested}, 1, in, out);
  EXPECT_EQ(out[0], 2.0f);
  EXPECT_TRUE(std::isnan(out[1]));
  EXPECT_NEAR(out[2], 10.0f / 3, 1e-6);
  degrade<float>({2, PixelOrder::Nested}, 1, in, out, MissingChildren::IfAny);
  for (size_t p : {0, 1, 2}) EXPECT_TRUE(std::isnan(out[p]));
  EXPECT_EQ(out[3], 2.0f);
}

TEST(HealpixUpgrade, CopiesAndDegradesBack) {
  for (PixelOrder order : kOrders) {
    auto in = ramp(48);
    std::vector<float> fine(12 * 64), back(48);
    upgrade<float>({2, order}, 8, in, fine);
    degrade<float>({8, order}, 2, fine, back);
    EXPECT_EQ(back, in);
  }
  std::vector<float> in = ramp(12), fine(48);
  upgrade<float>({1, PixelOrder::Nested}, 2, in, fine);
  for (size_t p = 0; p < 48; ++p) EXPECT_EQ(fine[p], in[p / 4]);
}

TEST(HealpixFields, WrongSizesAreRefused) {
  std::vector<float> in(48), out(12), wrong(13), fine(192);
  EXPECT_THROW(degrade<float>({2, PixelOrder::Nested}, 1, in, wrong), ShapeError);
  EXPECT_THROW(degrade<float>({2, PixelOrder::Nested}, 1, wrong, out), ShapeError);
  EXPECT_THROW(degrade<float>({1, PixelOrder::Nested}, 2, out, in), ShapeError);
  EXPECT_THROW(degrade<float>({3, PixelOrder::Ring}, 2, in, out), ShapeError);
  EXPECT_THROW(upgrade<float>({2, PixelOrder::Nested}, 4, in, wrong), ShapeError);
  EXPECT_THROW(reorder<float>(2, PixelOrder::Ring, PixelOrder::Nested, wrong, wrong), ShapeError);
  EXPECT_THROW(reorder<float>(2, PixelOrder::Ring, PixelOrder::Nested, in, fine), ShapeError);
  EXPECT_THROW(reorder<float>(3, PixelOrder::Ring, PixelOrder::Nested, in, in), ConfigError);
}

}  // namespace
}  // namespace pear::sphere
