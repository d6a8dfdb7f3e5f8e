#include "forecast/dynamics/surface.h"

#include <gtest/gtest.h>

#include "tests/forecast/dynamics/dynamics_fixture.h"

namespace pear::forecast {
namespace {

using namespace testing;

TEST(AnalyticSurface, LooksLikeASmallEarth) {
  for (const int64_t truncation : {21, 42}) {
    const auto t = make_transform(core_options(truncation, 0, torch::kFloat64));
    const auto surface = analytic_surface(*t);
    const auto height = t->synthesize(surface.geopotential) / 9.80665;
    const double share = (surface.land * mean_weights(*t)).sum().item<double>();
    EXPECT_GT(share, 0.25) << truncation;
    EXPECT_LT(share, 0.40) << truncation;
    EXPECT_GE(surface.land.min().item<double>(), 0);
    EXPECT_LE(surface.land.max().item<double>(), 1);
    const auto sea = surface.land < 0.02;
    EXPECT_GT(height.min().item<double>(), -250) << truncation;  // m: ripples
    EXPECT_LT(height.masked_select(sea).abs().mean().item<double>(), 60) << truncation;
  }
}

TEST(AnalyticSurface, ItsHighestMountainIsTibet) {
  const auto t = make_transform(core_options(42, 0, torch::kFloat64));
  const auto height = t->to_latlon(t->synthesize(analytic_surface(*t).geopotential)) / 9.80665;
  EXPECT_GT(height.max().item<double>(), 2500);
  EXPECT_LT(height.max().item<double>(), 6000);
  const int64_t place = height.argmax().item<int64_t>(), row = place / 128, column = place % 128;
  const double lat = std::asin(t->mu()[row].item<double>()) * 180 / std::numbers::pi, lon = column * 360.0 / 128;
  ASSERT_LT(row, 32);
  EXPECT_NEAR(lat, 33, 6);
  EXPECT_NEAR(lon, 88, 12);
}

TEST(SmoothedSpectrum, DampsEveryDegreeByItsFactor) {
  const auto t = make_transform(core_options(21, 0, torch::kFloat64));
  auto c = at::zeros({22, 2, 23}, torch::kFloat64);
  c[0][0][0] = 5, c[3][1][7] = 2, c[21][0][0] = 1;  // (m, l) = (0, 0), (3, 10), (21, 21)
  const auto out = smoothed_spectrum(*t, t->synthesize(c));
  EXPECT_NEAR(out[0][0][0].item<double>(), 5, 1e-12);
  EXPECT_NEAR(out[3][1][7].item<double>(), 2 * std::exp(-2 * std::pow(110.0 / 462, 2)), 1e-12);
  EXPECT_NEAR(out[21][0][0].item<double>(), std::exp(-2.0), 1e-12);
}

TEST(PressureOverNewGround, FallsWithTheWeightOfTheAirThatIsLost) {
  const auto before = torch::full({1, 1, 1, 1}, -0.1, torch::kFloat64);
  const auto change = torch::full({1, 1, 1}, 9.80665 * 100, torch::kFloat64);
  const auto after = pressure_over_new_ground(before, at::zeros_like(change), change, 287);
  EXPECT_NEAR(after.item<double>(), -0.1 - 980.665 / (287 * 280), 1e-15);  // 100 m: 1.2 %
}

}  // namespace
}  // namespace pear::forecast
