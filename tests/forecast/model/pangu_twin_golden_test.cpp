// The lat-lon twin against recorded values (pear-model design section 3; analytic weights): `published` of the
// published program, `matched` of an independent build from the same description.
#include <gtest/gtest.h>

#include "forecast/model/pangu_twin.h"
#include "tests/forecast/model/analytic.h"

namespace pear::forecast::testing {
namespace {

ModelConfig twin_config(const char* variant) {
  const bool published = std::string(variant) == "published";
  ModelConfig config;
  config.name = "pangu_twin";
  config.variant = variant;
  config.patch = {2, 4, 4};
  config.window = published ? std::vector<int64_t>{2, 6, 12} : std::vector<int64_t>{2, 8, 8};
  return config;
}

TEST(PanguTwinGolden, PublishedEqualsThePublishedProgramStepByStep) {
  const auto layout = full_layout("latlon:157x314+poles");
  PanguTwin network(twin_config("published"), layout);
  EXPECT_EQ(network.num_parameters(), 11385993);
  EXPECT_EQ(export_published(network).size(), 223U);
  fill_analytically(network);
  network.eval();
  const std::map<std::string, std::pair<double, double>> steps{
      {"block0", {1.1198515884e+04, 7.8328306460e+05}},  {"stage0", {4.9131512547e+03, 8.4797724399e+05}},
      {"merge", {-1.5044499951e+04, 3.8962803657e+05}},  {"stage2", {-1.0748567975e+04, 1.6167595218e+06}},
      {"expand", {-9.1189121698e+03, 1.8976859196e+05}}, {"stage3", {-1.7097950948e+04, 2.9835630025e+05}}};
  size_t seen = 0;
  network.set_observer([&](const std::string& step, const torch::Tensor& value) {
    const auto recorded = steps.find(step);
    if (recorded == steps.end()) return;
    expect_sums(step, value, recorded->second.first, recorded->second.second);
    ++seen;
  });
  const torch::NoGradGuard no_grad;
  const State y = network.forward(analytic_state(layout));
  EXPECT_EQ(seen, steps.size());
  expect_sums("surface", y.surface, -1.7981795846e+04, 2.1633108878e+04);
  expect_sums("upper", y.upper, 3.0152632945e+04, 5.4288963891e+05);
  EXPECT_NEAR(y.surface[0][0][0].item<double>(), 4.3030357760e-01, kDouble);
  EXPECT_NEAR(y.upper[0][2][5][78 * 314 + 157].item<double>(), -3.7366124246e-01, kDouble);
}

TEST(PanguTwinGolden, MatchedEqualsTheIndependentBuildWithBothCrops) {
  const auto layout = full_layout("latlon:192x256+half");
  for (const auto& [crop, sum] : {std::pair{"last", 1.7037895865e+05}, std::pair{"first", 1.3878392516e+05}}) {
    auto config = twin_config("matched");
    config.level_crop = crop;
    PanguTwin network(config, layout);
    fill_analytically(network);
    network.eval();
    const torch::NoGradGuard no_grad;
    const State y = network.forward(analytic_state(layout));
    expect_sums("surface", y.surface, -1.2718168037e+04, 2.1486065870e+05);
    EXPECT_NEAR(y.upper.sum().item<double>(), sum, kDouble * sum) << crop;
  }
}

}  // namespace
}  // namespace pear::forecast::testing
