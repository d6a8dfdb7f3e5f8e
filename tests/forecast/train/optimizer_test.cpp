// Flat parameters, AdamW against an independent double-precision rule, averaging, clipping, slot sums.
#include "forecast/train/optimizer.h"

#include <gtest/gtest.h>
#include <torch/nn/module.h>

#include <cmath>

#include "forecast/train/data_axis.h"
#include "forecast/train/ema.h"
#include "forecast/train/flat_parameters.h"

namespace pear::forecast {
namespace {

constexpr double kFloatTolerance = 2e-6;  // a few float32 roundings of numbers of order one

struct TwoTensors : torch::nn::Module {
  torch::Tensor weight, bias;
  TwoTensors() {
    weight = register_parameter("weight", torch::linspace(-1, 1, 5000).view({50, 100}));
    bias = register_parameter("bias", torch::linspace(0.5, 2, 7));
  }
  torch::Tensor loss() const { return (weight * weight * weight).sum() * 0.1 + (bias * bias).sum(); }
};

/// Textbook Adam / AdamW on scalars.
struct ScalarAdam {
  double lr, b1, b2, eps, wd;
  bool decoupled;
  double m = 0, v = 0;
  int t = 0;
  double update(double p, double g) {
    ++t;
    if (!decoupled) g += wd * p;
    m = b1 * m + (1 - b1) * g;
    v = b2 * v + (1 - b2) * g * g;
    const double step = lr * (m / (1 - std::pow(b1, t))) / (std::sqrt(v / (1 - std::pow(b2, t))) + eps);
    return (decoupled ? p - lr * wd * p : p) - step;
  }
};

void compare_with_scalar(bool decoupled) {
  TwoTensors net;
  FlatParameters flat(net);
  TrainConfig config;
  config.optimizer = decoupled ? "adamw" : "adam";
  config.weight_decay = 0.05;
  config.betas = {0.8, 0.95};
  Optimizer optimizer(config, flat);
  ScalarAdam w{0.01, 0.8, 0.95, 1e-8, 0.05, decoupled}, b = w;
  double pw = net.weight[3][4].item<double>(), pb = net.bias[6].item<double>();
  for (int step = 0; step < 5; ++step) {
    flat.gradient().zero_();
    net.loss().backward();
    pw = w.update(pw, 0.3 * pw * pw);
    pb = b.update(pb, 2 * pb);
    optimizer.step(flat, 0.01);
    EXPECT_NEAR(net.weight[3][4].item<double>(), pw, kFloatTolerance);
    EXPECT_NEAR(net.bias[6].item<double>(), pb, kFloatTolerance);
  }
}

TEST(Optimizer, AdamwEqualsTheScalarRule) { compare_with_scalar(true); }
TEST(Optimizer, AdamEqualsTheScalarRule) { compare_with_scalar(false); }

TEST(Optimizer, DecayActsOnEveryParameterUnlessTold) {
  for (bool all : {true, false}) {
    TwoTensors net;
    FlatParameters flat(net);
    TrainConfig config;
    config.weight_decay = 0.5;
    config.decay_all = all;
    Optimizer optimizer(config, flat);
    optimizer.step(flat, 0.1);  // zero gradient: only the decay moves anything
    EXPECT_NEAR(net.bias[6].item<double>(), all ? 2 * 0.95 : 2, kFloatTolerance);
    EXPECT_NEAR(net.weight[0][0].item<double>(), -0.95, kFloatTolerance);
  }
}

TEST(FlatParameters, ParametersAndGradientsAreViewsOfPaddedBuffers) {
  TwoTensors net;
  FlatParameters flat(net);
  EXPECT_EQ(flat.num_parameters(), 5007);
  EXPECT_EQ(flat.values().numel(), 8192);
  EXPECT_DOUBLE_EQ(net.bias[0].item<double>(), 0.5);
  net.loss().backward();
  EXPECT_FLOAT_EQ(flat.gradient()[5006].item<float>(), 4.0f);
  net.loss().backward();  // adds
  EXPECT_FLOAT_EQ(flat.gradient()[5006].item<float>(), 8.0f);
  torch::Tensor(flat.values())[5006].fill_(3.5);
  EXPECT_FLOAT_EQ(net.bias[6].item<float>(), 3.5f);
}

TEST(Clipping, NormIsExactAndTheGradientIsScaledOnlyAbove) {
  auto g = torch::zeros({8192});
  g[3] = 3;
  g[8000] = 4;
  EXPECT_DOUBLE_EQ(blocked_norm(g), 5);
  EXPECT_DOUBLE_EQ(clip_gradient(g, 10), 5);
  EXPECT_FLOAT_EQ(g[8000].item<float>(), 4);
  EXPECT_DOUBLE_EQ(clip_gradient(g, 1), 5);
  EXPECT_NEAR(blocked_norm(g), 1, kFloatTolerance);
  EXPECT_NEAR(g[3].item<double>(), 0.6, kFloatTolerance);
}

TEST(Ema, FollowsItsRecurrence) {
  TwoTensors net;
  FlatParameters flat(net);
  Ema plain({.decay = 0.9, .warmup = false}, flat);
  torch::Tensor(flat.values()).fill_(1);
  const double start = plain.average()[5006].item<double>();
  for (int64_t t = 1; t <= 3; ++t) plain.update(flat, t);
  EXPECT_NEAR(plain.average()[5006].item<double>(), 1 + (start - 1) * 0.9 * 0.9 * 0.9, kFloatTolerance);
  EXPECT_DOUBLE_EQ(Ema::decay_at({.decay = 0.99, .warmup = true}, 1), 2.0 / 11.0);
  EXPECT_DOUBLE_EQ(Ema::decay_at({.decay = 0.99, .warmup = true}, 100000), 0.99);
}

TEST(Ema, ScopedWeightsComeBack) {
  TwoTensors net;
  FlatParameters flat(net);
  const auto before = flat.values().clone();
  {
    const ScopedWeights other(flat, torch::ones_like(before));
    EXPECT_FLOAT_EQ(net.bias[0].item<float>(), 1);
  }
  EXPECT_TRUE(torch::equal(flat.values(), before));
}

SlotSum leaf(int64_t slot) {
  // values whose float32 sum depends on the order
  return {torch::full({4}, std::pow(1.7, static_cast<double>(slot)) * 1e-3 + 1.0 / (slot + 3)),
          torch::full({2}, 1.0 / (slot + 1), torch::kFloat64)};
}

TEST(SlotTree, TheSumHasTheSameBitsHoweverTheSlotsAreShared) {
  for (int64_t slots : {1, 2, 3, 5, 8, 13}) {
    SlotTree whole;
    for (int64_t s = 0; s < slots; ++s) whole.add(s, leaf(s));
    const auto expected = SlotTree::root(whole.subtrees(), slots);
    for (int64_t ranks = 2; ranks <= slots; ++ranks) {
      std::vector<Subtree> parts;
      for (int64_t r = 0; r < ranks; ++r) {
        SlotTree mine;
        for (int64_t s = r * slots / ranks; s < (r + 1) * slots / ranks; ++s) mine.add(s, leaf(s));
        parts.insert(parts.end(), mine.subtrees().begin(), mine.subtrees().end());
      }
      const auto total = SlotTree::root(parts, slots);
      EXPECT_TRUE(torch::equal(total.gradient, expected.gradient)) << slots << " slots, " << ranks << " ranks";
      EXPECT_TRUE(torch::equal(total.terms, expected.terms));
    }
  }
}

TEST(SlotTree, FourSlotsAreAddedInPairs) {
  SlotTree tree;
  for (int64_t s = 0; s < 4; ++s) tree.add(s, leaf(s));
  ASSERT_EQ(tree.subtrees().size(), 1u);
  const auto by_hand = (leaf(0).gradient + leaf(1).gradient) + (leaf(2).gradient + leaf(3).gradient);
  EXPECT_TRUE(torch::equal(tree.subtrees()[0].sum.gradient, by_hand));
}

}  // namespace
}  // namespace pear::forecast
