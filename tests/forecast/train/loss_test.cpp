#include "forecast/train/loss.h"

#include <ATen/TensorIndexing.h>
#include <gtest/gtest.h>

#include <cmath>

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

TEST(Loss, LevelsWeighByTheirPressureOrByName) {
  LossConfig config;
  config.level_weights = "pressure";  // 850 and 500 over their mean of 675
  const double a = 850.0 / 675, b = 500.0 / 675;
  EXPECT_NEAR(value(config), (1 * a + 3 * b + 5 * a + 7 * b) / 4 + 0.25 * (2 + 4) / 2.0, 1e-12);
  config.weights_by_level = {{"500", 10}};
  EXPECT_NEAR(value(config), (1 * a + 30 + 5 * a + 70) / 4 + 0.25 * (2 + 4) / 2.0, 1e-12);
  config.level_weights = "none";
  config.weights = {{"t", 2}};
  EXPECT_NEAR(value(config), (1 + 30 + 2 * 5 + 20 * 7) / 4.0 + 0.25 * (2 + 4) / 2.0, 1e-12);
  for (const char* bad : {"700", "low"}) {
    config.weights_by_level = {{bad, 1}};
    EXPECT_THROW(value(config), ConfigError) << bad;
  }
}

TEST(Loss, ThePanguPresetGivesWayToWeightsByName) {
  LossConfig config;
  config.preset = "pangu";  // z 3.00, t 1.50, msl 1.50, t2m 3.00
  EXPECT_NEAR(value(config), (3 * 1 + 3 * 3 + 1.5 * 5 + 1.5 * 7) / 4 + 0.25 * (1.5 * 2 + 3 * 4) / 2, 1e-12);
  config.weights = {{"t", 1}, {"msl", 0}};
  EXPECT_NEAR(value(config), (3 * 1 + 3 * 3 + 5 + 7) / 4.0 + 0.25 * (3 * 4) / 2, 1e-12);
}

TEST(Loss, AreaWeightsCountACellByItsShareOfTheSphere) {
  auto l = layout();
  l.grid = sphere::Grid::from_spec("latlon:6x8+half");
  l.surface = {"msl"};
  l.upper.clear();
  l.levels_hpa.clear();
  // 1 in the two rows between 60N and 90N and 60S and 90S, 0 elsewhere: their share is 1 - sin 60.
  auto p = torch::zeros({2, 1, 6, 8});
  p.index_put_({torch::indexing::Slice(), 0, torch::tensor({0, 5})}, 1.0);
  const State prediction{p.view({2, 1, 48}), {}}, target{torch::zeros({2, 1, 48}), {}};
  LossConfig config;
  EXPECT_NEAR(value(config, l, prediction, target), 0.25 * 2 / 6.0, 1e-12);
  config.area_weights = true;
  EXPECT_NEAR(value(config, l, prediction, target), 0.25 * (1 - std::sqrt(0.75)), 1e-7);
  // Equal cells: the same bits with and without.
  EXPECT_EQ(value(config), value({}));
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
