// Attention in one pass against the composition in double precision, and the shared bodies against both.
#include "sphere/attention/fused_attention.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <ostream>

#include "sphere/attention/attention_bf16.h"
#include "sphere/attention/attention_body.h"
#include "sphere/attention/attention_cpu.h"
#include "sphere/attention/attention_plan.h"
#include "sphere/attention/fused_dropout.h"
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
constexpr double kProducts = 1e-2;  ///< weights rounded to bfloat16 on one side, in sums of many
constexpr double kGradient = 5e-5;  ///< sums over all windows as well

struct Case {
  std::string name, spec;  ///< an empty spec is `padded_rows`
  int64_t width = 8, num_stack = 4;
  BiasShape bias{.kind = BiasKind::Single};
  AttentionKind kind = AttentionKind::Dot;
  double dropout = 0;
  PartitionPtr partition() const {
    if (spec == "odd") return std::make_shared<const WindowPartition>(odd_windows());
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
          {"odd_windows", "odd", 16, 1},
          {"cosine", "nested8:n4:1x16:grid", 32, 1, {.kind = BiasKind::Flat}, AttentionKind::Cosine},
          {"cosine_zero_tokens", "", 8, 4, {.kind = BiasKind::Single}, AttentionKind::Cosine},
          {"cosine_middle", "odd", 16, 1, {.kind = BiasKind::Single}, AttentionKind::Cosine},
          {"dropout", "nested:n4:2x16:spiral+2:published", 8, 4, {.kind = BiasKind::Single}, AttentionKind::Dot, 0.3},
          {"dropout_odd", "odd", 16, 1, {.kind = BiasKind::Single}, AttentionKind::Dot, 0.5},
          {"dropout_zero_tokens", "", 16, 4, kEarth, AttentionKind::Dot, 0.1},
          {"dropout_cosine", "nested8:n4:1x16:grid", 32, 1, {.kind = BiasKind::Flat}, AttentionKind::Cosine, 0.1}};
}

/// Weights, tokens and output gradient of one case, in double with float32 values.
struct Problem {
  PartitionPtr partition;
  WindowAttention attention{nullptr};
  torch::Tensor x, grad;
  double dropout = 0;
  static constexpr int64_t kHeads = 3;
};

Problem make_problem(const Case& c) {
  torch::manual_seed(11);
  Problem p;
  p.partition = c.partition();
  p.dropout = c.dropout;
  const int64_t channels = Problem::kHeads * c.width;
  p.attention = WindowAttention(AttentionOptions{.channels = channels,
                                                 .heads = Problem::kHeads,
                                                 .kind = c.kind,
                                                 .bias = c.bias,
                                                 .attention_dropout = c.dropout},
                                p.partition->window_tokens());
  p.attention->to(torch::kFloat32);
  for (auto& parameter : p.attention->parameters()) torch::NoGradGuard(), parameter.detach().normal_(0, 0.4);
  const auto& lists = p.partition->lists();
  p.x = torch::randn({2, lists.num_stack, lists.num_pixels, channels}, torch::kFloat32);
  p.grad = torch::randn_like(p.x);
  return p;
}

/// The mask that the next draw of the generator gives, [B, W, H, N, N].
torch::Tensor next_mask(double probability, int64_t items, int64_t n) {
  const auto mask = draw_mask(probability);
  auto factors = torch::empty({items * Problem::kHeads * n, n}, float64());
  auto values = factors.accessor<double, 2>();
  for (int64_t row = 0; row < values.size(0); ++row)
    for (int64_t column = 0; column < n; ++column) values[row][column] = mask.at(row, column);
  return factors.view({-1, Problem::kHeads, n, n});
}

/// What the composition computes, with that mask on the weights; in double precision.
torch::Tensor dropped(Problem& p, const torch::Tensor& x) {
  auto& a = *p.attention;
  const auto windows = p.partition->gather(x);
  const int64_t items = windows.size(0) * windows.size(1), n = windows.size(2), heads = Problem::kHeads;
  const auto parts = a.qkv(windows).view({items, n, 3, heads, -1}).permute({2, 0, 3, 1, 4}).unbind(0);
  torch::Tensor scores;
  if (a.log_scale.defined()) {
    const auto unit = [](const torch::Tensor& t) { return t / t.square().sum(-1, true).sqrt(); };
    scores = unit(parts[0]).matmul(unit(parts[1]).transpose(-2, -1));
    scores = scores * a.log_scale.clamp_max(std::log(100.0)).exp().view({heads, 1, 1});
  } else {
    scores = parts[0].matmul(parts[1].transpose(-2, -1)) / std::sqrt(static_cast<double>(parts[0].size(-1)));
  }
  scores = scores.view({x.size(0), -1, heads, n, n});
  auto bias = a.position_bias->forward();
  if (bias.size(0) > 1) bias = bias.index_select(0, p.partition->ordered_bias_type());
  scores = scores + bias;
  const auto additive = torch::zeros({scores.size(1), 1, n, n}, float64());
  for (const auto& group : p.partition->groups())
    if (group.mask.defined()) additive.narrow(0, group.first, group.count).masked_fill_(group.mask, -100.0);
  const auto weights = (scores + additive).softmax(-1).view({items, heads, n, n}) * next_mask(p.dropout, items, n);
  return p.partition->scatter(a.proj(weights.matmul(parts[2]).transpose(1, 2).reshape(windows.sizes())));
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
  torch::manual_seed(21);
  Result r;
  if (fused)
    r.y = p.attention->forward(x, *p.partition);
  else
    r.y = p.dropout > 0 ? dropped(p, x)
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
    torch::manual_seed(22);
    const auto y = fused_attention({.qkv = tokens,
                                    .zero_row = p.attention->qkv->bias,
                                    .table = table,
                                    .index = bias->index(),
                                    .temperature = p.attention->log_scale,
                                    .dropout = p.dropout},
                                   *partition, Problem::kHeads, 0.3, -100.0);
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

/// Memory of one forward and backward pass of the kernels.
template <class T>
struct Pass {
  static constexpr auto kType = std::is_same_v<T, float> ? torch::kFloat32 : torch::kBFloat16;
  AttentionPlan plan;
  torch::Tensor qkv, zero_row, table, grad, out, log_sum, grad_qkv, pairs, zero_rows, temperature, temperatures;
  DropoutMask mask;

  static AttentionPlan::Extents extents(int64_t width, const torch::Tensor& table) {
    return {.batch = 2,
            .heads = Problem::kHeads,
            .head_width = width,
            .num_types = table.defined() ? table.size(0) : 0,
            .table_length = table.defined() ? table.size(2) : 0,
            .scale = 0.3,
            .mask_value = -100.0};
  }
  /// has_variant: with the problem's dropout and, if it is one of cosine attention, temperatures.
  Pass(const Problem& p, int64_t width, bool has_variant)
      : plan(extents(width, p.attention->position_bias->table), *p.partition, p.attention->position_bias->index()) {
    torch::manual_seed(12);
    const auto& s = plan.shape();
    const int64_t c = s.channels(), n = s.window_tokens, heads = s.heads;
    qkv = torch::randn({2, s.tokens, 3 * c}).to(kType);
    zero_row = torch::randn({3 * c}).to(kType);
    if (p.attention->position_bias->table.defined()) table = p.attention->position_bias->table.detach();
    grad = torch::randn({2, s.tokens, c}).to(kType);
    out = torch::zeros_like(grad);
    log_sum = torch::zeros({2, s.windows, heads, n});
    grad_qkv = torch::zeros_like(qkv);
    pairs = torch::zeros({s.num_tasks, heads, n * n});
    zero_rows = torch::zeros({s.num_tasks, heads, 3, width});
    temperatures = torch::zeros({s.num_tasks, heads});
    if (has_variant && p.attention->log_scale.defined()) temperature = torch::tensor({3.0F, 9.0F, 1.0F});
    if (has_variant) mask = draw_mask(p.dropout);
  }
  template <class V>
  static V* data(const torch::Tensor& t) {
    return t.defined() ? static_cast<V*>(t.mutable_data_ptr()) : nullptr;
  }
  AttentionForward<T> forward() const {
    return {data<T>(qkv), data<T>(zero_row),    data<float>(table),
            data<T>(out), data<float>(log_sum), {data<float>(temperature), mask}};
  }
  AttentionBackward<T> backward() const {
    return {.qkv = data<T>(qkv),
            .zero_row = data<T>(zero_row),
            .table = data<float>(table),
            .out = data<T>(out),
            .log_sum = data<float>(log_sum),
            .grad_out = data<T>(grad),
            .grad_qkv = data<T>(grad_qkv),
            .partial_bias = data<float>(pairs),
            .partial_zero_row = data<float>(zero_rows),
            .variant = {data<float>(temperature), mask},
            .partial_temperature = data<float>(temperatures)};
  }
  int64_t units() const { return plan.shape().num_tasks * plan.shape().heads; }
  std::vector<torch::Tensor> results() const {
    std::vector<torch::Tensor> all{out, grad_qkv, pairs, zero_rows, temperatures};
    for (auto& t : all) t = t.to(torch::kFloat64);
    return all;
  }
};

TEST_P(EveryFusedAttention, DeviceBodiesEqualTheVectorisedPath) {
  const auto p = make_problem(GetParam());
  const int64_t width = GetParam().width;
  const Pass<float> expected(p, width, false), found(p, width, false);
  attend_units(expected.plan.shape(), expected.forward(), 0, expected.units());
  attend_units_backward(expected.plan.shape(), expected.backward(), 0, expected.units());
  const auto launch = [&](auto launched) {
    launched.forward(found.forward());
    launched.backward(found.backward());
  };
  if (width == 8) launch(Launched<8>(found.plan.shape()));
  if (width == 16) launch(Launched<16>(found.plan.shape()));
  if (width == 32) launch(Launched<32>(found.plan.shape()));
  for (size_t i = 0; i < 4; ++i)
    EXPECT_LT(relative(found.results()[i], expected.results()[i]), i == 0 ? kFloat : kGradient) << i;
}

TEST_P(EveryFusedAttention, ProductsOfBfloat16StayNearFloat32) {
  if (!has_bfloat16_products()) GTEST_SKIP() << "this processor has no products of bfloat16";
  const auto p = make_problem(GetParam());
  const int64_t width = GetParam().width;
  const Pass<Bfloat16> expected(p, width, true), found(p, width, true);
  attend_units(expected.plan.shape(), expected.forward(), 0, expected.units());
  attend_units_backward(expected.plan.shape(), expected.backward(), 0, expected.units());
  attend_units_bf16(found.plan.shape(), found.forward(), 0, found.units());
  attend_units_backward_bf16(found.plan.shape(), found.backward(), 0, found.units());
  for (size_t i = 0; i < 5; ++i) EXPECT_LT(relative(found.results()[i], expected.results()[i]), kProducts) << i;
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
