// Attention in one pass against the composition in double precision, and the shared bodies against both.
#include "sphere/attention/fused_attention.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <ostream>

#include "sphere/attention/attention_body.h"
#include "sphere/attention/attention_plan.h"
#include "sphere/attention/window_attention.h"
#include "sphere/window/nested_windows.h"
#include "tests/sphere/attention/examples.h"
#include "tests/support/caught.h"

namespace pear::sphere {
namespace {

using namespace testing;
using pear::testing::caught;

constexpr double kFloat = 2e-5;     ///< relative to the largest value: float32 sums over up to 128 keys
constexpr double kHalf = 8e-2;      ///< bfloat16 keeps 8 bits, and these scores are large
constexpr double kGradient = 5e-5;  ///< sums over all windows as well

struct Case {
  std::string name, spec;  ///< an empty spec is `padded_rows`
  int64_t width = 8, num_stack = 4;
  BiasShape bias{.kind = BiasKind::Single};
  PartitionPtr partition() const {
    return spec.empty() ? std::make_shared<const WindowPartition>(padded_rows()) : partition_from_spec(spec, num_stack);
  }
};

/// The name of a case in the names of its tests.
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

const BiasShape kEarth{.kind = BiasKind::EarthSpecific, .num_types = 4, .w_z = 2, .w_lat = 2, .w_lon = 2};

std::vector<Case> cases() {
  return {{"plain", "nested:n4:2x16"},
          {"spiral", "nested:n4:2x16:spiral+2:published"},
          {"spiral_wide", "nested:n4:2x16:spiral+2:published", 32},
          {"spiral_middle", "nested:n2:2x4:spiral+1:wrap_only", 16},
          {"no_bias", "nested:n4:2x16:spiral+2:published", 8, 4, {.kind = BiasKind::None}},
          {"flat", "nested8:n4:1x16:grid", 32, 1, {.kind = BiasKind::Flat}},
          {"small_windows", "nested:n4:1x4:grid", 8, 1},
          {"zero_tokens", "", 8, 4},
          {"zero_tokens_earth", "", 16, 4, kEarth}};
}

/// Weights, tokens and output gradient of one case, in double with float32 values.
struct Problem {
  PartitionPtr partition;
  WindowAttention attention{nullptr};
  torch::Tensor x, grad;
  static constexpr int64_t kHeads = 3;
};

Problem make_problem(const Case& c) {
  torch::manual_seed(11);
  Problem p;
  p.partition = c.partition();
  const int64_t channels = Problem::kHeads * c.width;
  p.attention = WindowAttention(AttentionOptions{.channels = channels, .heads = Problem::kHeads, .bias = c.bias},
                                p.partition->window_tokens());
  p.attention->to(torch::kFloat32);
  for (auto& parameter : p.attention->parameters()) torch::NoGradGuard(), parameter.detach().normal_(0, 0.4);
  const auto& lists = p.partition->lists();
  p.x = torch::randn({2, lists.num_stack, lists.num_pixels, channels}, torch::kFloat32);
  p.grad = torch::randn_like(p.x);
  return p;
}

struct Result {
  torch::Tensor y;
  std::vector<torch::Tensor> grads;  ///< of the tokens, then of every parameter
};

Result run(Problem& p, torch::ScalarType type, bool fused) {
  p.attention->to(type);
  p.attention->zero_grad();
  auto x = p.x.to(type).clone();  // a leaf
  x.requires_grad_();
  Result r;
  r.y = fused ? p.attention->forward(x, *p.partition)
              : p.partition->scatter(p.attention->compose(p.partition->gather(x), *p.partition));
  r.y.backward(p.grad.to(type));
  r.grads.push_back(x.grad().to(torch::kFloat64));
  for (const auto& parameter : p.attention->parameters())
    r.grads.push_back(parameter.grad().to(torch::kFloat64).clone());
  r.y = r.y.detach().to(torch::kFloat64);
  return r;
}

double relative(const torch::Tensor& a, const torch::Tensor& b) {
  return largest_difference(a, b) / std::max(1e-30, b.abs().max().item<double>());
}

class EveryFusedAttention : public ::testing::TestWithParam<Case> {};

TEST_P(EveryFusedAttention, EqualsTheCompositionForwardAndBackward) {
  auto p = make_problem(GetParam());
  const auto fused = run(p, torch::kFloat32, true);
  const auto expected = run(p, torch::kFloat64, false);
  EXPECT_LT(relative(fused.y, expected.y), kFloat);
  ASSERT_EQ(fused.grads.size(), expected.grads.size());
  for (size_t i = 0; i < fused.grads.size(); ++i)
    EXPECT_LT(relative(fused.grads[i], expected.grads[i]), kGradient) << "gradient " << i;
}

TEST_P(EveryFusedAttention, HalfPrecisionStaysNear) {
  auto p = make_problem(GetParam());
  const auto expected = run(p, torch::kFloat64, false);
  const auto fused = run(p, torch::kBFloat16, true);
  EXPECT_LT(relative(fused.y, expected.y), kHalf);
  EXPECT_LT(relative(fused.grads[0], expected.grads[0]), 2 * kHalf);
}

TEST_P(EveryFusedAttention, HasTheSameBitsOnAnyNumberOfThreads) {
  auto p = make_problem(GetParam());
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const auto partition = p.partition;
  const auto tokens = torch::randn({2, p.x.size(1) * p.x.size(2), 3 * p.x.size(3)}).requires_grad_();
  const auto attend = [&] {
    auto& bias = p.attention->position_bias;
    auto table = bias->table.defined() ? bias->table.detach().clone().requires_grad_() : torch::Tensor();
    const auto y = fused_attention({tokens, p.attention->qkv->bias, table, bias->index()}, *partition, Problem::kHeads,
                                   0.3, -100.0);
    tokens.mutable_grad() = torch::Tensor();
    y.square().sum().backward();
    return std::vector<torch::Tensor>{y.detach(), tokens.grad().clone(),
                                      table.defined() ? table.grad() : torch::zeros({1})};
  };
  const auto one = attend();
  at::set_num_threads(2);
  const auto two = attend();
  at::set_num_threads(before);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(one[i].equal(two[i])) << i;
}

/// The formulas of attention_body.h, one query, slot or pair at a time.
TEST_P(EveryFusedAttention, SharedBodiesEqualTheVectorisedPath) {
  auto p = make_problem(GetParam());
  const int64_t c = p.x.size(3), n = p.partition->window_tokens(), heads = Problem::kHeads;
  auto& bias = p.attention->position_bias;
  const auto table = bias->table.defined() ? bias->table.detach() : torch::Tensor();
  const auto qkv = torch::randn({2, p.x.size(1) * p.x.size(2), 3 * c}), zero_row = torch::randn({3 * c});
  const auto grad = torch::randn({2, qkv.size(1), c});
  auto q = qkv.clone().requires_grad_(), t = table.defined() ? table.clone().requires_grad_() : table;
  const auto y = fused_attention({q, zero_row, t, bias->index()}, *p.partition, heads, 0.3, -100.0);
  y.backward(grad);

  const AttentionPlan plan({.batch = 2,
                            .heads = heads,
                            .head_width = c / heads,
                            .num_types = table.defined() ? table.size(0) : 0,
                            .table_length = table.defined() ? table.size(2) : 0,
                            .scale = 0.3,
                            .mask_value = -100.0},
                           *p.partition, bias->index());
  const auto& s = plan.shape();
  const auto out = torch::zeros_like(grad), log_sum = torch::zeros({2, s.windows, heads, n});
  const auto data = [](const torch::Tensor& x) { return x.defined() ? x.mutable_data_ptr<float>() : nullptr; };
  const AttentionForward<float> forward{data(qkv), data(zero_row), data(table), data(out), data(log_sum)};
  const AttentionBackward<float> backward{.qkv = data(qkv),
                                          .zero_row = data(zero_row),
                                          .table = data(table),
                                          .out = data(out),
                                          .log_sum = data(log_sum),
                                          .grad_out = data(grad)};
  const auto each = [&](const auto& f) {
    for (int64_t k = 0; k < s.num_tasks; ++k)
      for (int32_t m = 0; m < s.tasks[k].count; ++m)
        for (int64_t h = 0; h < heads; ++h)
          for (int64_t i = 0; i < n; ++i) f(s.tasks[k], s.items[s.tasks[k].first + m], h, i);
  };
  each([&](const AttentionTask& task, int64_t item, int64_t h, int64_t i) {
    attend_query(s, forward, task, item, h, i);
  });
  EXPECT_LT(relative(out, y.detach()), kFloat);
  double worst = 0;
  std::vector<float> slot(static_cast<size_t>(3 * c / heads));
  const auto grads = q.grad().accessor<float, 3>();
  each([&](const AttentionTask& task, int64_t item, int64_t h, int64_t i) {
    const int64_t token = s.source[item % s.windows * n + i];
    if (token == s.tokens) return;
    slot_gradient(s, backward, task, item, h, i, slot.data());
    for (int64_t d = 0; d < 3 * c / heads; ++d)
      worst = std::max<double>(
          worst, std::abs(slot[static_cast<size_t>(d)] -
                          grads[item / s.windows][token][d / (c / heads) * c + h * (c / heads) + d % (c / heads)]));
  });
  EXPECT_LT(worst / q.grad().abs().max().item<double>(), kGradient);
  if (!table.defined()) return;
  const auto by_body = torch::zeros_like(table);
  auto entries = by_body.accessor<float, 3>();
  for (int64_t k = 0; k < s.num_tasks; ++k)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t pair = 0; pair < n * n; ++pair)
        entries[s.tasks[k].type][h][s.table_index[pair]] +=
            bias_gradient(s, backward, s.tasks[k], h, pair / n, pair % n);
  EXPECT_LT(relative(by_body, t.grad()), kGradient);
}

INSTANTIATE_TEST_SUITE_P(Small, EveryFusedAttention, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

TEST(FusedAttention, ANumberThatIsNotFiniteIsNotLost) {
  const auto partition = partition_from_spec("nested:n4:2x16", 4);
  auto qkv = torch::randn({1, 4 * 192, 3 * 24});
  qkv[0][5][3] = NAN;  // a query
  const auto y = fused_attention({qkv, {}, {}, {}}, *partition, 3, 0.3, -100.0);
  EXPECT_TRUE(torch::isnan(y[0][5]).any().item<bool>());
  EXPECT_FALSE(torch::isnan(y[0][700]).any().item<bool>());
}

TEST(FusedAttention, RefusesSizesThatDoNotFit) {
  const auto partition = partition_from_spec("nested:n4:2x16", 4);
  const auto qkv = torch::zeros({1, 4 * 192, 72});
  EXPECT_EQ(caught([&] {
              fused_attention({qkv.narrow(1, 0, 5), {}, {}, {}}, *partition, 3, 1, 0);
            }).code(),
            "SizeMismatch");
  EXPECT_EQ(caught([&] {
              fused_attention({qkv, {}, torch::zeros({1, 3, 9}), {}}, *partition, 3, 1, 0);
            }).code(),
            "SizeMismatch");
}

}  // namespace
}  // namespace pear::sphere
