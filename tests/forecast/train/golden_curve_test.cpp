// The loss curve of a fixed run: a change of model, data path, loss, optimiser or schedule that nobody meant shows
// here.
#include <ATen/autocast_mode.h>
#include <ATen/ops/native_layer_norm.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "forecast/train/checkpoint.h"
#include "forecast/train/loss.h"
#include "tests/forecast/train/toy_run.h"

namespace pear::forecast {
namespace {

using testing::RunFolder;
using testing::toy_model;
using testing::toy_request;

std::vector<double> curve(const TrainRequest& request) {
  train(request);
  std::vector<double> losses;
  std::istringstream lines(read_text(request.run_dir / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);)
    if (const auto row = nlohmann::json::parse(line); row.at("kind") == "train")
      losses.push_back(row.at("loss").get<double>());
  return losses;
}

/// Single steps, then rollouts of two; from a start away from persistence.
TrainRequest golden_request(const std::filesystem::path& run_dir) {
  TrainRequest request = toy_request(run_dir);
  request.model = toy_model({"head_init=default"});
  request.train.rollout.schedule = {{0, 1}, {9, 2}};
  return request;
}

// Recorded on the CPU in float32 (losses are summed in float64), one thread, AVX2. Without vector instructions, or with
// two threads, no value moved by more than 1e-7 of itself.
constexpr double kTolerance = 1e-5;
const std::vector<double> kCurve{0.18226351242337083, 0.36619096344664587, 0.17948981972775377, 0.19152690968860497,
                                 0.18145930503404389, 0.16652947590955591, 0.15669972606529115, 0.15166082567268782,
                                 0.14862233930731841, 0.20199476850140741, 0.19968696997645452, 0.19860610225995856};

TEST(GoldenCurve, TwelveStepsOfTheToyRunHaveTheRecordedLosses) {
  RunFolder run("golden");
  const auto losses = curve(golden_request(run / "run"));
  ASSERT_EQ(losses.size(), kCurve.size());
  for (size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(losses[i], kCurve[i], kTolerance * kCurve[i]) << "step " << i;
}

TEST(GoldenCurve, ALearningRateOnePercentHigherWouldBeNoticed) {
  RunFolder run("golden_noticed");
  auto request = golden_request(run / "run");
  request.train.lr *= 1.01;
  const auto losses = curve(request);
  ASSERT_EQ(losses.size(), kCurve.size());
  // The curves cross, so single steps may agree; one that does not is enough for the test above.
  double largest = 0;
  for (size_t i = 0; i < losses.size(); ++i) largest = std::max(largest, std::abs(losses[i] / kCurve[i] - 1));
  EXPECT_GT(largest, 10 * kTolerance);
}

TEST(GoldenCurve, Bf16StaysNearAndKeepsItsWeightsInFloat32) {
  RunFolder run("golden_bf16");
  auto request = golden_request(run / "run");
  request.precision = "bf16";
  const auto losses = curve(request);
  ASSERT_EQ(losses.size(), kCurve.size());
  constexpr double kBf16 = 0.02;  // 8 bits of mantissa in products, averaged over 768 cells
  double difference = 0;
  for (size_t i = 0; i < losses.size(); ++i) {
    EXPECT_NEAR(losses[i], kCurve[i], kBf16 * kCurve[i]) << "step " << i;
    difference = std::max(difference, std::abs(losses[i] / kCurve[i] - 1));
  }
  EXPECT_GT(difference, 1e-5);  // else the switch does nothing
  const auto content = read_checkpoint(run / "run/checkpoints/step_00000012");
  for (const auto* part : {&content.model, &content.ema, &content.optimizer})
    for (const auto& [name, tensor] : *part) EXPECT_EQ(tensor.scalar_type(), torch::kFloat32) << name;
}

TEST(MixedPrecision, TheLossOfABf16PredictionIsTakenInFloat32AndSummedInFloat64) {
  StateLayout layout;
  layout.grid = sphere::Grid(sphere::HealpixGrid{8, sphere::PixelOrder::Nested});
  layout.surface = {"u10"};
  // 1 + 1/512 lies between two bfloat16 numbers: an error taken in bfloat16 would be 0 or 1/128.
  const State prediction{torch::ones({1, 1, 768}, torch::kBFloat16), {}};
  const State target{torch::full({1, 1, 768}, 1.0 + 1.0 / 512), {}};
  const auto value = Loss({}, layout, torch::kCPU)(prediction, target);
  EXPECT_EQ(value.total.scalar_type(), torch::kFloat64);
  EXPECT_DOUBLE_EQ(value.total.item<double>(), 0.25 / 512);
}

TEST(MixedPrecision, LayerNormStatisticsAreFloat32UnderAutocast) {
  constexpr int64_t kChannels = 64;
  const auto x = (torch::linspace(-1, 3, 4 * kChannels).view({4, kChannels}) + 100).to(torch::kBFloat16);
  const auto weight = torch::ones({kChannels}), bias = torch::zeros({kChannels});
  at::autocast::set_autocast_enabled(torch::kCPU, true);
  at::autocast::set_autocast_dtype(torch::kCPU, torch::kBFloat16);
  const auto [y, mean, rstd] = at::native_layer_norm(x, {kChannels}, weight, bias, 1e-5);
  at::autocast::set_autocast_enabled(torch::kCPU, false);
  EXPECT_EQ(mean.scalar_type(), torch::kFloat32);
  EXPECT_EQ(rstd.scalar_type(), torch::kFloat32);
  const auto exact = x.to(torch::kFloat64);
  const auto deviation = exact.var(1, /*unbiased=*/false).add(1e-5).rsqrt();
  EXPECT_LT((mean.flatten() - exact.mean(1)).abs().max().item<double>(), 1e-4);  // of values near 100
  EXPECT_LT((rstd.flatten() / deviation - 1).abs().max().item<double>(), 1e-4);
}

}  // namespace
}  // namespace pear::forecast
