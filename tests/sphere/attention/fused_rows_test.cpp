// GELU, MLP and LayerNorm with residual in one pass against closed forms and compositions in double precision.
#include <ATen/Parallel.h>
#include <ATen/ops/gelu.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/normalization.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "sphere/attention/attention_body.h"
#include "sphere/attention/fused_dropout.h"
#include "sphere/attention/fused_mlp.h"
#include "sphere/attention/fused_norm.h"
#include "sphere/attention/gelu_cpu.h"
#include "tests/sphere/attention/examples.h"

namespace pear::sphere {
namespace {

using namespace testing;
using Tensors = std::vector<torch::Tensor>;

double phi(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
double density(double x) { return std::exp(-x * x / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2; }

TEST(Gelu, AgreesWithTheErrorFunctionInValueAndSlope) {
  for (int i = -12000; i <= 12000; ++i) {
    const float x = static_cast<float>(i) / 1000 - 0.25F, bias = 0.25F, one = 1;
    float value = 0, again = 0, slope = 0, sum = 0;
    const HiddenRows<float> row{&x, &bias, 1, 1};
    gelu(row, &value);
    gelu_backward(row, {&one, &again, &slope, &sum});
    const double z = static_cast<double>(x) + 0.25;
    EXPECT_NEAR(value, z * phi(z), 1e-36 + (z < -4 ? 6e-6 : 7e-7) * std::abs(z * phi(z))) << z;
    EXPECT_NEAR(slope, phi(z) + z * density(z), 6e-7) << z;
    EXPECT_EQ(value, again);
    EXPECT_EQ(slope, sum);
  }
}

TEST(Gelu, LetsNotANumberThroughInBothTypes) {
  const float nan = std::nanf("");
  float value = 0;
  gelu({&nan, nullptr, 1, 1}, &value);
  EXPECT_TRUE(std::isnan(value));
  Bfloat16 half{}, result{};
  assign(half, nan);
  gelu({&half, nullptr, 1, 1}, &result);
  EXPECT_TRUE(std::isnan(to_float(result)));
}

TEST(Gelu, RoundsBfloat16ToNearestEven) {
  for (int i = -300; i <= 300; ++i) {
    Bfloat16 x{}, value{}, expected{};
    assign(x, static_cast<float>(i) / 64);
    gelu({&x, nullptr, 1, 1}, &value);
    const double z = to_float(x);
    assign(expected, static_cast<float>(z * phi(z)));
    EXPECT_LE(std::abs(value.bits - expected.bits), 0) << z;
  }
}

/// Result and gradients of `work` on copies of `inputs` in this type.
Tensors run(const Tensors& inputs, torch::ScalarType type, const std::function<torch::Tensor(const Tensors&)>& work) {
  Tensors leaves;
  for (const auto& t : inputs) leaves.push_back(t.to(type).clone().requires_grad_());
  const auto y = work(leaves);
  torch::manual_seed(7);
  (y.to(torch::kFloat64) * torch::randn(y.sizes(), float64())).sum().backward();
  Tensors results = {y.detach().to(torch::kFloat64)};
  for (const auto& leaf : leaves) results.push_back(leaf.grad().to(torch::kFloat64).clone());
  return results;
}

void expect_near(const Tensors& a, const Tensors& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_LT(largest_difference(a[i], b[i]) / b[i].abs().max().item<double>(), tolerance) << "tensor " << i;
}

Tensors on_threads(int threads, const std::function<Tensors()>& work) {
  const int before = at::get_num_threads();
  at::set_num_threads(threads);
  const auto results = work();
  at::set_num_threads(before);
  return results;
}

void expect_same_bits(const Tensors& a, const Tensors& b) {
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(a[i].equal(b[i])) << "tensor " << i;
}

struct Extents {
  int64_t rows, channels, hidden;
};

Tensors mlp_inputs(const Extents& e) {
  torch::manual_seed(5);
  return {torch::randn({e.rows, e.channels}), torch::randn({e.hidden, e.channels}) * 0.3, torch::randn({e.hidden}),
          torch::randn({e.channels, e.hidden}) * 0.3, torch::randn({e.channels})};
}

constexpr double kDropped = 0.2;

/// The factors of a mask for t [rows, columns].
torch::Tensor factors_of(const DropoutMask& mask, const torch::Tensor& t) {
  auto factors = torch::empty(t.sizes(), float64());
  auto values = factors.accessor<double, 2>();
  for (int64_t row = 0; row < values.size(0); ++row)
    for (int64_t column = 0; column < values.size(1); ++column) values[row][column] = mask.at(row, column);
  return factors;
}

torch::Tensor fused_dropping(const Tensors& t) {
  torch::manual_seed(8);
  return fused_mlp(t[0], {t[1], t[2], t[3], t[4]}, kDropped);
}
torch::Tensor composed_dropping(const Tensors& t) {
  torch::manual_seed(8);
  const auto drawn = draw_mask(kDropped);
  auto hidden = at::gelu(t[0].matmul(t[1].t()) + t[2]);
  hidden = hidden * factors_of(drawn, hidden);
  const auto out = hidden.matmul(t[3].t()) + t[4];
  return out * factors_of(DropoutMask::of(kDropped, splitmix64_mix(drawn.seed + 1)), out);
}

torch::Tensor fused(const Tensors& t) { return fused_mlp(t[0], {t[1], t[2], t[3], t[4]}); }
torch::Tensor composed(const Tensors& t) { return at::gelu(t[0].matmul(t[1].t()) + t[2]).matmul(t[3].t()) + t[4]; }

class EveryMlp : public ::testing::TestWithParam<int> {
 protected:
  /// One row; one chunk; two with odd widths; several chunks and tasks, the last one short.
  static Extents extents() {
    return std::vector<Extents>{
        {1, 8, 32}, {40, 24, 96}, {77, 10, 42}, {5000, 24, 96}}[static_cast<size_t>(GetParam())];
  }
};

TEST_P(EveryMlp, EqualsTheCompositionForwardAndBackward) {
  const auto inputs = mlp_inputs(extents());
  const auto expected = run(inputs, torch::kFloat64, composed);
  expect_near(run(inputs, torch::kFloat32, fused), expected, 5e-6);
  expect_near(run(inputs, torch::kBFloat16, fused), expected, 3e-2);
}

TEST_P(EveryMlp, EqualsTheCompositionWithDropout) {
  const auto inputs = mlp_inputs(extents());
  const auto expected = run(inputs, torch::kFloat64, composed_dropping);
  expect_near(run(inputs, torch::kFloat32, fused_dropping), expected, 5e-6);
  expect_near(run(inputs, torch::kBFloat16, fused_dropping), expected, 3e-2);
}

TEST_P(EveryMlp, HasTheSameBitsOnAnyNumberOfThreads) {
  const auto inputs = mlp_inputs(extents());
  for (const auto type : {torch::kFloat32, torch::kBFloat16}) {
    SCOPED_TRACE(toString(type));
    for (const auto mlp : {fused, fused_dropping}) {
      const auto work = [&] { return run(inputs, type, mlp); };
      expect_same_bits(on_threads(1, work), on_threads(2, work));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Small, EveryMlp, ::testing::Range(0, 4));

class EveryNorm : public ::testing::TestWithParam<int> {
 protected:
  static Tensors inputs() {
    torch::manual_seed(6);
    const auto [rows, channels] =
        std::vector<std::pair<int64_t, int64_t>>{{1, 8}, {77, 50}, {9000, 48}}[static_cast<size_t>(GetParam())];
    return {torch::randn({rows, channels}), torch::randn({rows, channels}) * 3 + 1, torch::randn({channels}),
            torch::randn({channels})};
  }
  static torch::Tensor fused(const Tensors& t) {
    torch::nn::LayerNormImpl norm(torch::nn::LayerNormOptions({t[0].size(1)}));
    norm.weight = t[2];
    norm.bias = t[3];
    return add_norm(t[0], t[1], norm);
  }
  /// Parameters stay float32, as in a network under autocast.
  static torch::Tensor half(const Tensors& t) {
    return fused({t[0].to(torch::kBFloat16), t[1].to(torch::kBFloat16), t[2], t[3]});
  }
};

TEST_P(EveryNorm, EqualsTheCompositionForwardAndBackward) {
  const auto expected = run(inputs(), torch::kFloat64, [](const Tensors& t) {
    const auto centred = t[1] - t[1].mean(-1, true);
    return t[0] + centred / (centred.square().mean(-1, true) + 1e-5).sqrt() * t[2] + t[3];
  });
  expect_near(run(inputs(), torch::kFloat32, fused), expected, 5e-6);
  expect_near(run(inputs(), torch::kFloat32, half), expected, 3e-2);
  expect_near(run(inputs(), torch::kFloat64, fused), expected, 1e-13);
}

TEST_P(EveryNorm, MultipliesTheBranchOfEverySampleByItsFactor) {
  const auto in = inputs();
  const int64_t samples = in[0].size(0) % 11 == 0 ? 11 : 1;
  const auto factors = torch::arange(samples, torch::kFloat32) * 1.25;  // the first is dropped
  const auto with_factors = [&](const Tensors& t) {
    torch::nn::LayerNormImpl norm(torch::nn::LayerNormOptions({t[0].size(1)}));
    norm.weight = t[2];
    norm.bias = t[3];
    const auto samples_of = [&](const torch::Tensor& u) { return u.view({samples, -1, u.size(1)}); };
    return add_norm(samples_of(t[0]), samples_of(t[1]), norm, factors);
  };
  const auto half = [&](const Tensors& t) {
    return with_factors({t[0].to(torch::kBFloat16), t[1].to(torch::kBFloat16), t[2], t[3]});
  };
  const auto expected = run(in, torch::kFloat64, [&](const Tensors& t) {
    const auto centred = t[1] - t[1].mean(-1, true);
    const auto normed = centred / (centred.square().mean(-1, true) + 1e-5).sqrt() * t[2] + t[3];
    return t[0].view({samples, -1, t[0].size(1)}) + normed.view({samples, -1, t[0].size(1)}) * factors.view({-1, 1, 1});
  });
  // A branch that is dropped everywhere has no gradient to compare.
  if (samples == 1) return expect_near({run(in, torch::kFloat32, with_factors)[0]}, {expected[0]}, 5e-6);
  expect_near(run(in, torch::kFloat32, with_factors), expected, 5e-6);
  expect_near(run(in, torch::kFloat32, half), expected, 3e-2);
  expect_near(run(in, torch::kFloat64, with_factors), expected, 1e-13);
}

TEST_P(EveryNorm, HasTheSameBitsOnAnyNumberOfThreads) {
  const auto work = [] { return run(inputs(), torch::kFloat32, fused); };
  expect_same_bits(on_threads(1, work), on_threads(2, work));
}

INSTANTIATE_TEST_SUITE_P(Small, EveryNorm, ::testing::Range(0, 3));

}  // namespace
}  // namespace pear::sphere
