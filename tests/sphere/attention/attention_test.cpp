#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.h"
#include "sphere/attention/window_attention.h"
#include "sphere/window/nested_windows.h"
#include "tests/sphere/attention/examples.h"

namespace pear::sphere {
namespace {

using namespace testing;

constexpr double kRounding = 1e-12;
constexpr int64_t kChannels = 6, kHeads = 2;

/// Added to the scores of every window in published order: [W, N, N], straight from the labels of both axes.
torch::Tensor expanded_mask(const WindowPartition& partition, double value) {
  const auto& lists = partition.lists();
  const int64_t w_p = lists.pixel_source.size(0), n_p = lists.pixel_source.size(1), n = partition.window_tokens();
  auto mask = torch::zeros({partition.num_windows(), n, n}, float64());
  auto m = mask.accessor<double, 3>();
  const auto differ = [](const torch::Tensor& label, int64_t w, int64_t i, int64_t j) {
    return label.defined() && label[w][i].item<int32_t>() != label[w][j].item<int32_t>();
  };
  for (int64_t w = 0; w < partition.num_windows(); ++w)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        if (differ(lists.pixel_label, w % w_p, i % n_p, j % n_p) ||
            differ(lists.stack_label, w / w_p, i / n_p, j / n_p))
          m[w][i][j] = value;
  return mask;
}

/// Softmax attention written out, windows in published order, nothing grouped or shared.
torch::Tensor plain_attention(const WindowAttention& attention, const torch::Tensor& x,
                              const WindowPartition& partition, bool cosine) {
  const int64_t batch = x.size(0), windows = x.size(1), n = x.size(2), d = kChannels / kHeads;
  const auto projected = x.matmul(attention->qkv->weight.t()) + attention->qkv->bias;
  const auto heads = [&](int64_t part) {
    return projected.slice(-1, part * kChannels, (part + 1) * kChannels)
        .reshape({batch, windows, n, kHeads, d})
        .transpose(2, 3);
  };
  auto q = heads(0), k = heads(1);
  if (cosine) {
    q = q / q.square().sum(-1, true).sqrt() *
        attention->log_scale.clamp_max(std::log(100.0)).exp().view({kHeads, 1, 1});
    k = k / k.square().sum(-1, true).sqrt();
  } else {
    q = q / std::sqrt(static_cast<double>(d));
  }
  auto scores = torch::einsum("bwhid,bwhjd->bwhij", {q, k});
  if (const auto bias = attention->position_bias->forward(); bias.defined()) {
    const auto& type = partition.lists().bias_type;
    scores = scores + (bias.size(0) > 1 ? bias.index_select(0, type) : bias).unsqueeze(0);
  }
  scores = scores + expanded_mask(partition, -100.0).unsqueeze(0).unsqueeze(2);
  const auto weights = scores.softmax(-1);
  const auto y = torch::einsum("bwhij,bwhjd->bwihd", {weights, heads(2)}).reshape({batch, windows, n, kChannels});
  return y.matmul(attention->proj->weight.t()) + attention->proj->bias;
}

struct Example {
  std::string name, spec;  ///< an empty spec is `padded_rows`
  int64_t num_stack = 4;
  AttentionKind kind = AttentionKind::Dot;
  BiasShape bias;
  PartitionPtr partition() const {
    return spec.empty() ? std::make_shared<const WindowPartition>(padded_rows()) : partition_from_spec(spec, num_stack);
  }
  WindowAttention attention(int64_t tokens) const {
    WindowAttention a(AttentionOptions{.channels = kChannels, .heads = kHeads, .kind = kind, .bias = bias}, tokens);
    randomise(*a);
    return a;
  }
};

const BiasShape kNone{.kind = BiasKind::None}, kSingle{.kind = BiasKind::Single}, kFlat{.kind = BiasKind::Flat};
const BiasShape kEarth{.kind = BiasKind::EarthSpecific, .num_types = 4, .w_z = 2, .w_lat = 2, .w_lon = 2};

std::vector<Example> examples() {
  constexpr auto kDot = AttentionKind::Dot, kCosine = AttentionKind::Cosine;
  return {{"plain_single", "nested:n2:2x4", 4, kDot, kSingle},
          {"plain_none", "nested:n2:2x4", 4, kDot, kNone},
          {"spiral_single", "nested:n4:2x16:spiral+2:published", 4, kDot, kSingle},
          {"spiral_none", "nested:n4:2x16:spiral+2:published", 4, kDot, kNone},
          {"spiral_wrap_cosine", "nested:n2:2x4:spiral+1:wrap_only", 4, kCosine, kSingle},
          {"grid_flat_cosine", "nested8:n4:1x16:grid", 1, kCosine, kFlat},
          {"grid_orbit_flat_dot", "nested:n4:1x4:grid", 1, kDot, kFlat},
          {"zero_tokens_earth", "", 4, kDot, kEarth},
          {"zero_tokens_single", "", 4, kDot, kSingle}};
}

class EveryAttention : public ::testing::TestWithParam<Example> {
 protected:
  void SetUp() override { torch::manual_seed(3); }
};

TEST_P(EveryAttention, GroupedAndFusedPathsEqualThePlainComposition) {
  const auto partition = GetParam().partition();
  auto attention = GetParam().attention(partition->window_tokens());
  const auto& lists = partition->lists();
  const auto x = partition->gather(torch::randn({2, lists.num_stack, lists.num_pixels, kChannels}, float64()));
  const auto order = torch::tensor(partition->window_order(), torch::kInt64);
  const auto published = torch::empty_like(x).index_copy_(1, order, x);
  const auto expected = plain_attention(attention, published, *partition, GetParam().kind == AttentionKind::Cosine)
                            .index_select(1, order);
  EXPECT_LT(largest_difference(attention->compose(x, *partition), expected), kRounding) << "with gradients";
  const torch::NoGradGuard no_grad;
  EXPECT_LT(largest_difference(attention->compose(x, *partition), expected), kRounding) << "without gradients";
}

TEST_P(EveryAttention, TwoSamplesEqualTwoRunsOfOne) {
  const auto partition = GetParam().partition();
  auto attention = GetParam().attention(partition->window_tokens());
  const auto& lists = partition->lists();
  const auto x = partition->gather(torch::randn({2, lists.num_stack, lists.num_pixels, kChannels}, float64()));
  const auto together = attention->compose(x, *partition);
  for (int64_t b = 0; b < 2; ++b)
    EXPECT_LT(largest_difference(together.narrow(0, b, 1), attention->compose(x.narrow(0, b, 1), *partition)),
              kRounding)
        << b;
}

INSTANTIATE_TEST_SUITE_P(Small, EveryAttention, ::testing::ValuesIn(examples()),
                         [](const auto& info) { return info.param.name; });

TEST(WindowAttention, TheMaskChangesTheResult) {  // else the comparison above would prove nothing about masks
  torch::manual_seed(4);
  auto lists = padded_rows();
  const WindowPartition masked(lists);
  lists.pixel_label = lists.stack_label = torch::Tensor();
  const WindowPartition open(lists);
  WindowAttention attention(AttentionOptions{.channels = kChannels, .heads = kHeads, .bias = kEarth}, 8);
  randomise(*attention);
  const auto x = torch::randn({1, 4, 12, kChannels}, float64());
  const auto a = masked.scatter(attention->compose(masked.gather(x), masked));
  const auto b = open.scatter(attention->compose(open.gather(x), open));
  EXPECT_GT(largest_difference(a, b), 0.01);
}

TEST(WindowAttention, TheTemperatureOfCosineAttentionIsBounded) {
  torch::manual_seed(5);
  const auto partition = partition_from_spec("nested:n2:1x4", 1);
  WindowAttention attention(
      AttentionOptions{.channels = kChannels, .heads = kHeads, .kind = AttentionKind::Cosine, .bias = kNone}, 4);
  EXPECT_NEAR(attention->log_scale[0].item<double>(), std::log(10.0), 1e-6);
  randomise(*attention);
  const torch::NoGradGuard no_grad;
  const auto x = partition->gather(torch::randn({1, 1, 48, kChannels}, float64()));
  attention->log_scale.fill_(std::log(100.0) + 3);
  const auto above = attention->compose(x, *partition);
  attention->log_scale.fill_(std::log(100.0) + 1);
  EXPECT_TRUE(above.equal(attention->compose(x, *partition)));
  attention->log_scale.fill_(std::log(100.0) - 1);
  EXPECT_FALSE(above.equal(attention->compose(x, *partition)));
}

TEST(WindowAttention, DropoutActsInTrainingOnly) {
  torch::manual_seed(6);
  const auto partition = partition_from_spec("nested:n2:2x4:spiral+1:published", 4);
  for (const auto& [attention_rate, rate] : {std::pair{0.5, 0.0}, std::pair{0.0, 0.5}}) {
    WindowAttention attention(AttentionOptions{.channels = kChannels,
                                               .heads = kHeads,
                                               .bias = kSingle,
                                               .attention_dropout = attention_rate,
                                               .dropout = rate},
                              8);
    randomise(*attention);
    const auto x = partition->gather(torch::randn({1, 4, 48, kChannels}, float64()));
    attention->eval();
    const auto still = attention->compose(x, *partition);
    EXPECT_TRUE(still.equal(attention->compose(x, *partition)));
    attention->train();
    const auto first = attention->compose(x, *partition);
    EXPECT_FALSE(first.equal(still));
    EXPECT_FALSE(first.equal(attention->compose(x, *partition)));
  }
}

TEST(WindowAttention, HalfPrecisionStaysNearDouble) {
  torch::manual_seed(7);
  const auto partition = partition_from_spec("nested:n2:2x4:spiral+1:published", 4);
  WindowAttention attention(AttentionOptions{.channels = kChannels, .heads = kHeads, .bias = kSingle}, 8);
  const auto x = partition->gather(torch::randn({1, 4, 48, kChannels}, float64()));
  attention->to(torch::kFloat64);
  const auto expected = attention->compose(x, *partition);
  attention->to(torch::kBFloat16);
  const auto y = attention->compose(x.to(torch::kBFloat16), *partition);
  EXPECT_EQ(y.scalar_type(), torch::kBFloat16);
  EXPECT_LT(largest_difference(y.to(torch::kFloat64), expected), 0.02 * expected.abs().max().item<double>());
}

TEST(WindowAttention, RefusesHeadsAndWindowsThatDoNotFit) {
  const auto code = [](const std::function<void()>& f) -> std::string {
    try {
      f();
    } catch (const ShapeError& e) {
      return e.code();
    }
    return "none";
  };
  EXPECT_EQ(code([] { WindowAttention(AttentionOptions{.channels = 6, .heads = 4}, 8); }), "BadHeads");
  EXPECT_EQ(code([] { WindowAttention(AttentionOptions{.channels = 6, .heads = 0}, 8); }), "BadHeads");
  WindowAttention attention(AttentionOptions{.channels = kChannels, .heads = kHeads}, 16);
  const auto partition = partition_from_spec("nested:n2:2x4", 4);
  EXPECT_EQ(code([&] { attention->compose(torch::zeros({1, 24, 8, kChannels}), *partition); }), "SizeMismatch");
}

}  // namespace
}  // namespace pear::sphere
