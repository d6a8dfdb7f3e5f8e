// PEAR against recorded values of the published program (pear-model design section 2; analytic weights).
#include <gtest/gtest.h>

#include <map>

#include "forecast/model/pear.h"
#include "tests/forecast/model/analytic.h"

namespace pear::forecast::testing {
namespace {

StateLayout published_layout() { return full_layout("healpix:64"); }

struct Expected {
  const char* fidelity;
  double surface, surface2, upper, upper2, first, middle;
};

void check_outputs(const State& y, const Expected& e) {
  expect_sums("surface", y.surface, e.surface, e.surface2);
  expect_sums("upper", y.upper, e.upper, e.upper2);
  EXPECT_NEAR(y.surface[0][0][0].item<double>(), e.first, kDouble);
  EXPECT_NEAR(y.upper[0][2][5][30000].item<double>(), e.middle, kDouble);
}

TEST(PearGolden, TheAnalyticFillIsTheRecordedOne) {
  const auto r = analytic_tensor("input_surface", {4}, 1.0);
  const double expected[] = {-0.6153435072126059, 0.5850274223761354, -0.7307348376882226, -0.5777596019545987};
  for (int i = 0; i < 4; ++i) EXPECT_DOUBLE_EQ(r[i].item<double>(), expected[i]);
}

TEST(PearGolden, FaithfulEqualsThePublishedProgramStepByStep) {
  Pear network(ModelConfig{}, published_layout());
  EXPECT_EQ(network.num_parameters(), 4279881);
  EXPECT_EQ(network.named_parameters().size(), 225U);
  fill_analytically(network);
  network.eval();
  const std::map<std::string, std::pair<double, double>> steps{
      {"embed", {-7.7583161394e+03, 7.2809640925e+05}},  {"block0", {-5.6917913867e+03, 2.9216515227e+06}},
      {"stage0", {-1.2839893027e+04, 4.6020966982e+06}}, {"merge", {-1.7585259976e+04, 3.9474944680e+05}},
      {"stage1", {-3.6776732002e+04, 8.5342894674e+06}}, {"stage2", {-4.4792707376e+04, 1.6052785660e+07}},
      {"norm", {4.3962417766e+03, 5.5876637511e+05}},    {"expand", {2.1108238376e+04, 2.1112362377e+05}},
      {"stage3", {1.0503768420e+04, 5.5913275476e+06}}};
  size_t seen = 0;
  network.set_observer([&](const std::string& step, const torch::Tensor& value) {
    const auto& [sum, squares] = steps.at(step);
    expect_sums(step, value, sum, squares);
    ++seen;
  });
  const torch::NoGradGuard no_grad;
  check_outputs(network.forward(analytic_state(published_layout())),
                {"faithful", -1.3065051807e+04, 2.1564086944e+05, 1.7316658824e+05, 4.6163972882e+06, -8.1474401543e-01,
                 5.8706220049e-02});
  EXPECT_EQ(seen, steps.size());
}

TEST(PearGolden, CorrectedDiffersByTheTwoSwitches) {
  ModelConfig config;
  config.fidelity = "corrected";
  Pear network(config, published_layout());
  fill_analytically(network);
  network.eval();
  const torch::NoGradGuard no_grad;
  check_outputs(network.forward(analytic_state(published_layout())),
                {"corrected", -1.3062720256e+04, 2.1566689036e+05, 1.3981823597e+05, 4.5215531260e+06,
                 -8.1454062207e-01, 9.2857657787e-01});
}

}  // namespace
}  // namespace pear::forecast::testing
