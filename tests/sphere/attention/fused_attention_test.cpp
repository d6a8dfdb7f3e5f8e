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
  AttentionKind kind = AttentionKind::Dot;
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
          {"zero_tokens_earth", "", 16, 4, kEarth},
          {"cosine", "nested8:n4:1x16:grid", 32, 1, {.kind = BiasKind::Flat}, AttentionKind::Cosine},
          {"cosine_zero_tokens", "", 8, 4, {.kind = BiasKind::Single}, AttentionKind::Cosine}};
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
  p.attention =
      WindowAttention(AttentionOptions{.channels = channels, .heads = Problem::kHeads, .kind = c.kind, .bias = c.bias},
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

/// Runs the bodies of attention_body.h as the blocks and threads of attention_cuda.cu do: phase by phase, every slot.
template <int D>
struct Launched {
  const AttentionShape& s;
  std::vector<float> memory;

  explicit Launched(const AttentionShape& shape)
      : s(shape), memory(static_cast<size_t>(backward_tile_size(shape.window_tokens, D))) {}

  void forward(const AttentionForward<float>& v) {
    const auto tile = forward_tile(memory.data(), s.window_tokens, D);
    for (int64_t k = 0; k < s.num_tasks; ++k)
      for (int32_t m = 0; m < s.tasks[k].count; ++m)
        for (int64_t h = 0; h < s.heads; ++h) {
          const WindowUnit u{s.tasks[k], s.items[s.tasks[k].first + m], h};
          for (int64_t i = 0; i < s.window_tokens; ++i) load_slot<D>(s, v, u, i, tile);
          for (int64_t i = 0; i < s.window_tokens; ++i) attend_slot<D>(s, v, u, i, tile);
        }
  }

  void backward(const AttentionBackward<float>& v) {
    const int64_t n = s.window_tokens;
    const auto tile = backward_tile(memory.data(), n, D);
    std::vector<SlotGradient<D>> grads(static_cast<size_t>(n));
    for (int64_t k = 0; k < s.num_tasks; ++k)
      for (int64_t h = 0; h < s.heads; ++h) {
        const int64_t unit = k * s.heads + h;
        for (int32_t m = 0; m < s.tasks[k].count; ++m) {
          const WindowUnit u{s.tasks[k], s.items[s.tasks[k].first + m], h};
          for (int64_t i = 0; i < n; ++i) load_slot<D>(s, v, u, i, tile);
          for (int64_t i = 0; i < n; ++i)
            grads[static_cast<size_t>(i)] = slot_gradient<D>(s, v, u, i, tile, v.partial_bias + unit * n * n);
          for (int64_t i = 0; i < n; ++i) store_slot<D>(s, v, u, i, grads[static_cast<size_t>(i)], tile);
          for (int64_t e = 0; e < 3 * D; ++e) v.partial_zero_row[unit * 3 * D + e] += zero_row_sum<D>(tile, n, e);
        }
      }
  }
};

TEST_P(EveryFusedAttention, DeviceBodiesEqualTheVectorisedPath) {
  auto p = make_problem(GetParam());
  const int64_t c = p.x.size(3), heads = Problem::kHeads, width = c / heads;
  auto& bias = p.attention->position_bias;
  const auto table = bias->table.defined() ? bias->table.detach() : torch::Tensor();
  const auto qkv = torch::randn({2, p.x.size(1) * p.x.size(2), 3 * c}), zero_row = torch::randn({3 * c});
  const auto grad = torch::randn({2, qkv.size(1), c});
  auto q = qkv.clone().requires_grad_(), t = table.defined() ? table.clone().requires_grad_() : table;
  auto z = zero_row.clone().requires_grad_();
  const auto y = fused_attention({q, z, t, bias->index()}, *p.partition, heads, 0.3, -100.0);
  y.backward(grad);

  const AttentionPlan plan({.batch = 2,
                            .heads = heads,
                            .head_width = width,
                            .num_types = table.defined() ? table.size(0) : 0,
                            .table_length = table.defined() ? table.size(2) : 0,
                            .scale = 0.3,
                            .mask_value = -100.0},
                           *p.partition, bias->index());
  const auto& s = plan.shape();
  const int64_t n = s.window_tokens;
  const auto out = torch::zeros_like(grad), log_sum = torch::zeros({2, s.windows, heads, n});
  const auto grad_qkv = torch::zeros_like(qkv), pairs = torch::zeros({s.num_tasks, heads, n * n});
  const auto zero_rows = torch::zeros({s.num_tasks, heads, 3, width});
  const auto data = [](const torch::Tensor& x) { return x.defined() ? x.mutable_data_ptr<float>() : nullptr; };
  const AttentionForward<float> forward{data(qkv), data(zero_row), data(table), data(out), data(log_sum)};
  const AttentionBackward<float> backward{.qkv = data(qkv),
                                          .zero_row = data(zero_row),
                                          .table = data(table),
                                          .out = data(out),
                                          .log_sum = data(log_sum),
                                          .grad_out = data(grad),
                                          .grad_qkv = data(grad_qkv),
                                          .partial_bias = data(pairs),
                                          .partial_zero_row = data(zero_rows)};
  const auto launch = [&](auto launched) {
    launched.forward(forward);
    launched.backward(backward);
  };
  if (width == 8) launch(Launched<8>(s));
  if (width == 16) launch(Launched<16>(s));
  if (width == 32) launch(Launched<32>(s));

  EXPECT_LT(relative(out, y.detach()), kFloat);
  EXPECT_LT(relative(grad_qkv, q.grad()), kGradient);
  if (p.partition->has_zero_tokens()) {
    EXPECT_LT(relative(zero_rows.sum(0).transpose(0, 1).reshape({3 * c}), z.grad()), kGradient);
  }
  if (!table.defined()) return;
  // As on a device: by type, then by entry of the table.
  const auto by_type = torch::zeros({s.num_types, heads, n * n}).index_add_(0, plan.task_types(), pairs);
  const auto by_entry = torch::zeros_like(table).index_add_(2, plan.table_index().view({-1}), by_type);
  EXPECT_LT(relative(by_entry, t.grad()), kGradient);
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

TEST(FusedAttention, KeepsAPlanOnlyWhileItFits) {
  const auto plain = partition_from_spec("nested:n4:2x16", 4);
  const auto shifted = partition_from_spec("nested:n4:2x16:spiral+2:published", 4);
  AttentionPlanPtr plan;
  const auto attend = [&](const PartitionPtr& partition, int64_t batch, bool keeps) {
    torch::manual_seed(3);
    const auto qkv = torch::randn({batch, 4 * 192, 72});
    return fused_attention({qkv, {}, {}, {}, keeps ? &plan : nullptr}, *partition, 3, 0.3, -100.0);
  };
  attend(plain, 1, true);
  const auto first = plan;
  attend(plain, 1, true);
  EXPECT_EQ(plan.get(), first.get());
  for (const auto& [partition, batch] : {std::pair{shifted, 1}, {shifted, 2}, {plain, 2}})
    EXPECT_TRUE(attend(partition, batch, true).equal(attend(partition, batch, false)));
}

TEST(FusedAttention, OnADeviceEqualsTheCpu) {
  if (!torch::hasCUDA()) GTEST_SKIP() << "needs a CUDA device";
  const auto partition = partition_from_spec("nested:n4:2x16:spiral+2:published", 4);
  std::vector<torch::Tensor> results;
  for (const auto device : {torch::kCPU, torch::kCUDA}) {
    torch::manual_seed(3);
    auto qkv = torch::randn({2, 4 * 192, 72}).to(device).requires_grad_();
    auto table = torch::randn({1, 3, 32 * 32}).to(device).requires_grad_();
    const auto y = fused_attention({qkv, {}, table, {}}, *partition, 3, 0.3, -100.0);
    (y * y).sum().backward();
    for (const auto& t : {y.detach(), qkv.grad(), table.grad()}) results.push_back(t.cpu());
  }
  for (size_t i = 0; i < 3; ++i) EXPECT_LT(relative(results[i + 3], results[i]), kGradient) << i;
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
