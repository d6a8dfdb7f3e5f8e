#include "sphere/attention/checkpoint.h"

#include <ATen/autocast_mode.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "sphere/attention/stage.h"
#include "sphere/window/nested_windows.h"

namespace pear::sphere {
namespace {

constexpr int64_t kChannels = 16, kNside = 4, kStack = 2;

/// Dropout of every kind, so that another draw would change the gradients.
Stage stage_with_dropout(int64_t depth) {
  BlockOptions o;
  o.attention.channels = kChannels;
  o.attention.heads = 2;
  o.attention.bias.kind = BiasKind::Single;
  o.attention.attention_dropout = 0.2;
  o.attention.dropout = 0.2;
  o.drop_path = 0.3;
  const auto windows = nested_windows({kNside, 12, kStack, 2, 4});
  torch::manual_seed(5);
  Stage stage(depth, o, windows, windows);
  stage->train();
  return stage;
}

torch::Tensor input() {
  torch::manual_seed(6);
  return torch::randn({2, kStack, 12 * kNside * kNside, kChannels});
}

struct Gradients {
  torch::Tensor value, x, next_draw;
  std::vector<torch::Tensor> parameters;
};

class Bf16 {
 public:
  explicit Bf16(bool on) {
    at::autocast::set_autocast_enabled(torch::kCPU, on);
    at::autocast::set_autocast_dtype(torch::kCPU, torch::kBFloat16);
  }
  ~Bf16() {
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(torch::kCPU, false);
  }
};

/// Two stages in a row, so that the second draws after the first and before its second run.
Gradients run(bool is_checkpointed, bool is_bf16) {
  auto first = stage_with_dropout(2), second = stage_with_dropout(1);
  auto x = input().requires_grad_();
  torch::manual_seed(9);  // with these draws every branch is kept for some sample
  torch::Tensor y;
  {
    const Bf16 autocast(is_bf16);
    const auto call = [&](Stage& stage, const torch::Tensor& in) {
      if (!is_checkpointed) return stage(in);
      return checkpointed([stage](const torch::Tensor& t) mutable { return stage(t); }, in, stage->parameters());
    };
    y = call(second, call(first, x));
  }
  // Backward runs outside autocast, as in training.
  (y.to(torch::kFloat32) * torch::linspace(-1, 1, y.numel()).view(y.sizes())).sum().backward();
  Gradients g{y.detach(), x.grad(), torch::rand({4}), {}};
  for (const auto& stage : {first, second})
    for (const auto& p : stage->parameters()) g.parameters.push_back(p.grad());
  return g;
}

void expect_same_bits(bool is_bf16) {
  const auto plain = run(false, is_bf16), again = run(true, is_bf16);
  EXPECT_TRUE(plain.value.equal(again.value));
  EXPECT_TRUE(plain.x.equal(again.x));
  EXPECT_GT(plain.x.abs().max().item<double>(), 0);
  ASSERT_EQ(plain.parameters.size(), again.parameters.size());
  for (size_t i = 0; i < plain.parameters.size(); ++i) {
    ASSERT_TRUE(again.parameters[i].defined()) << i;
    EXPECT_TRUE(plain.parameters[i].equal(again.parameters[i])) << i;
    EXPECT_GT(plain.parameters[i].abs().max().item<double>(), 0) << i;
  }
  // Whoever draws next finds the generator where a plain run leaves it.
  EXPECT_TRUE(plain.next_draw.equal(again.next_draw));
}

TEST(Checkpointed, GradientsHaveTheBitsOfAPlainCallWithDropout) { expect_same_bits(false); }

TEST(Checkpointed, GradientsHaveTheBitsOfAPlainCallUnderBf16Autocast) { expect_same_bits(true); }

TEST(Checkpointed, AParameterGetsItsGradientOncePerCall) {
  const auto w = torch::full({3}, 2.0).requires_grad_();
  auto x = torch::ones({3}).requires_grad_();
  const auto f = [&](const torch::Tensor& t) { return t * w * w; };
  checkpointed(f, x, {w}).sum().backward();
  EXPECT_TRUE(w.grad().equal(torch::full({3}, 4.0)));  // d(x w^2)/dw = 2 x w
  EXPECT_TRUE(x.grad().equal(torch::full({3}, 4.0)));
  checkpointed(f, checkpointed(f, x, {w}), {w}).sum().backward();
  EXPECT_TRUE(w.grad().equal(torch::full({3}, 4.0 + 32.0)));  // + d(x w^4)/dw = 4 x w^3
}

TEST(Checkpointed, AnInputWithoutGradientStillTrainsTheParameters) {
  const auto w = torch::full({2}, 3.0).requires_grad_();
  checkpointed([&](const torch::Tensor& t) { return t * w; }, torch::full({2}, 5.0), {w}).sum().backward();
  EXPECT_TRUE(w.grad().equal(torch::full({2}, 5.0)));
}

TEST(Checkpointed, WithoutGradientsItIsAPlainCall) {
  const torch::NoGradGuard no_grad;
  int calls = 0;
  const auto y = checkpointed([&](const torch::Tensor& t) { return ++calls, t + 1; }, torch::ones({2}), {});
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(y.requires_grad());
}

/// Largest number of bytes that the CPU allocator had given out in this thread.
class PeakBytes : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, int64_t bytes, size_t, size_t, c10::Device) override {
    now_ += bytes;
    peak = std::max(peak, now_);
  }
  bool memoryProfilingEnabled() const override { return true; }
  int64_t peak = 0;

 private:
  int64_t now_ = 0;
};

int64_t peak_of_training(bool is_checkpointed) {
  constexpr int64_t kStages = 4, kDepth = 3;
  std::vector<Stage> stages;
  for (int64_t i = 0; i < kStages; ++i) stages.push_back(stage_with_dropout(kDepth));
  auto x = input().requires_grad_();
  const auto counter = std::make_shared<PeakBytes>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, counter);
  auto y = x;
  for (auto& stage : stages)
    y = is_checkpointed
            ? checkpointed([stage](const torch::Tensor& t) mutable { return stage(t); }, y, stage->parameters())
            : stage(y);
  y.sum().backward();
  return counter->peak;
}

TEST(Checkpointed, PeakMemoryIsThatOfOneStageInsteadOfAll) {
  const int64_t plain = peak_of_training(false), again = peak_of_training(true);
  // Four equal stages: a quarter of the inner values, and what both keep (states between stages, gradients).
  EXPECT_GT(plain, 0);
  EXPECT_LT(static_cast<double>(again), 0.4 * static_cast<double>(plain)) << again << " of " << plain;
}

}  // namespace
}  // namespace pear::sphere
