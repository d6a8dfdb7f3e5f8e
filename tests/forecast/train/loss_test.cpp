#include "forecast/train/loss.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace pear::forecast {
namespace {

StateLayout layout() {
  StateLayout l;
  l.grid = sphere::Grid(sphere::HealpixGrid{2, sphere::PixelOrder::Nested});
  l.surface = {"msl", "t2m"};
  l.upper = {"z", "t"};
  l.levels_hpa = {850, 500};
  return l;
}

/// msl off by 2, t2m by -4; z850 1, z500 3, t850 -5, t500 7.
State errors() {
  const auto ones = torch::ones({3, 1, 48});
  State s;
  s.surface = torch::cat({2 * ones, -4 * ones}, 1);
  s.upper = torch::cat({ones, 3 * ones, -5 * ones, 7 * ones}, 1).view({3, 2, 2, 48});
  return s;
}
State zeros() { return {torch::zeros({3, 2, 48}), torch::zeros({3, 2, 2, 48})}; }

double value(const LossConfig& config, const StateLayout& l = layout(), State p = errors(), State t = zeros()) {
  return Loss(config, l, torch::kCPU)(p, t).total.item<double>();
}

TEST(Loss, ConstantErrorsGiveUpperMeanPlusAQuarterOfSurfaceMean) {
  EXPECT_NEAR(value({}), (1 + 3 + 5 + 7) / 4.0 + 0.25 * (2 + 4) / 2.0, 1e-12);
}

TEST(Loss, SquareAndHuberByHand) {
  EXPECT_NEAR(value({.kind = "l2"}), (1 + 9 + 25 + 49) / 4.0 + 0.25 * (4 + 16) / 2.0, 1e-12);
  // huber, delta 2: 0.5 e^2 up to 2, else 2 (|e| - 1)
  EXPECT_NEAR(value({.kind = "huber", .huber_delta = 2}), (0.5 + 4 + 8 + 12) / 4.0 + 0.25 * (2 + 6) / 2.0, 1e-12);
}

TEST(Loss, WeightsActByNameAndTheChannelWins) {
  LossConfig config;
  config.weights = {{"t", 2}, {"t850", 10}, {"msl", 0}};
  EXPECT_NEAR(value(config), (1 + 3 + 50 + 14) / 4.0 + 0.25 * 4 / 2.0, 1e-12);
  config.weights = {{"q", 1}};
  EXPECT_THROW(value(config), ConfigError);
}

TEST(Loss, EitherSetMayBeEmpty) {
  auto surface_only = layout();
  surface_only.upper.clear();
  surface_only.levels_hpa.clear();
  EXPECT_NEAR(value({}, surface_only, {errors().surface, {}}, {zeros().surface, {}}), 0.25 * 3, 1e-12);
  auto upper_only = layout();
  upper_only.surface.clear();
  EXPECT_NEAR(value({}, upper_only, {{}, errors().upper}, {{}, zeros().upper}), 4, 1e-12);
}

TEST(Loss, ReportsPenaltyByChannelInLayoutOrder) {
  const auto per = Loss({}, layout(), torch::kCPU)(errors(), zeros()).per_channel;
  const std::vector<double> expected{2, 4, 1, 3, 5, 7};
  ASSERT_EQ(per.numel(), 6);
  for (int64_t i = 0; i < 6; ++i) EXPECT_DOUBLE_EQ(per[i].item<double>(), expected[static_cast<size_t>(i)]);
}

TEST(Loss, GradientIsTheSignOverTheCount) {
  auto p = errors();
  p.surface.requires_grad_();
  Loss({}, layout(), torch::kCPU)(p, zeros()).total.backward();
  EXPECT_NEAR(p.surface.grad()[0][1][5].item<double>(), -0.25 / (3 * 2 * 48), 1e-9);
}

TEST(Loss, AnotherShapeIsRefused) {
  EXPECT_THROW(value({}, layout(), errors(), {torch::zeros({2, 2, 48}), zeros().upper}), ShapeError);
}

}  // namespace
}  // namespace pear::forecast
