#include "sphere/attention/block.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "sphere/attention/resample.h"
#include "sphere/attention/stage.h"
#include "sphere/window/nested_windows.h"
#include "tests/sphere/attention/examples.h"

namespace pear::sphere {
namespace {

using namespace testing;

constexpr double kRounding = 1e-12;

BlockOptions options(int64_t channels, NormPlacement norm, BiasKind bias = BiasKind::Single,
                     AttentionKind kind = AttentionKind::Dot) {
  BlockOptions o;
  o.attention.channels = channels;
  o.attention.heads = 2;
  o.attention.kind = kind;
  o.attention.bias.kind = bias;
  o.norm = norm;
  o.mlp_ratio = 2;
  return o;
}

Block random_block(const BlockOptions& o, const PartitionPtr& partition) {
  Block block(o, partition);
  randomise(*block);
  return block;
}

/// Largest difference between derivatives by backward and by central differences, of sum(weights * f(x)), over the
/// input and every parameter, relative to the largest derivative.
template <class Module>
double gradient_error(Module& module, torch::Tensor x) {
  x.requires_grad_();
  const auto weights = torch::randn_like(module(x).detach());
  const auto loss = [&] { return (weights * module(x)).sum(); };
  loss().backward();
  std::vector<torch::Tensor> inputs = module->parameters();
  inputs.push_back(x);
  double worst = 0, scale = 0;
  const torch::NoGradGuard no_grad;
  for (auto& input : inputs) {
    auto* value = input.template data_ptr<double>();
    const auto gradient = input.grad().contiguous();
    for (int64_t i = 0; i < input.numel(); ++i) {
      constexpr double kStep = 1e-5;
      const double old = value[i];
      value[i] = old + kStep;
      const double above = loss().template item<double>();
      value[i] = old - kStep;
      const double below = loss().template item<double>();
      value[i] = old;
      const double analytic = gradient.template data_ptr<double>()[i];
      worst = std::max(worst, std::abs(analytic - (above - below) / (2 * kStep)));
      scale = std::max(scale, std::abs(analytic));
    }
  }
  return worst / scale;
}

TEST(BlockGradient, EqualsDifferencesWithMasksZeroTokensAndTypedBias) {
  torch::manual_seed(11);
  const auto partition = std::make_shared<const WindowPartition>(padded_rows());
  auto o = options(4, NormPlacement::ResPost, BiasKind::EarthSpecific);
  o.attention.bias.num_types = 4;
  o.attention.bias.w_z = o.attention.bias.w_lat = o.attention.bias.w_lon = 2;
  auto block = random_block(o, partition);
  EXPECT_LT(gradient_error(block, torch::randn({2, 4, 12, 4}, float64())), 1e-7);
}

TEST(BlockGradient, EqualsDifferencesWithPreNormAndCosine) {
  torch::manual_seed(12);
  const auto partition = partition_from_spec("nested:n1:2x4:spiral+1:published", 4);
  auto block = random_block(options(4, NormPlacement::Pre, BiasKind::None, AttentionKind::Cosine), partition);
  EXPECT_LT(gradient_error(block, torch::randn({1, 4, 12, 4}, float64())), 1e-7);
}

TEST(ResampleGradient, EqualsDifferences) {
  torch::manual_seed(13);
  PatchMerge merge(3);
  randomise(*merge);
  EXPECT_LT(gradient_error(merge, torch::randn({2, 2, 8, 3}, float64())), 1e-7);
  for (bool output_linear : {false, true}) {
    PatchExpand expand(6, output_linear);
    randomise(*expand);
    EXPECT_LT(gradient_error(expand, torch::randn({2, 2, 3, 6}, float64())), 1e-7) << output_linear;
  }
}

TEST(Block, HasThePublishedNumberOfParameters) {
  constexpr int64_t kC = 12;
  const auto partition = partition_from_spec("nested:n2:1x4", 1);
  const auto count = [&](AttentionKind kind) {
    BlockOptions o = options(kC, NormPlacement::ResPost, BiasKind::None, kind);
    o.mlp_ratio = 4;
    int64_t n = 0;
    for (const auto& p : Block(o, partition)->parameters()) n += p.numel();
    return n;
  };
  EXPECT_EQ(count(AttentionKind::Dot), 12 * kC * kC + 13 * kC);
  EXPECT_EQ(count(AttentionKind::Cosine), 12 * kC * kC + 13 * kC + 2);
}

TEST(Block, NormsAndBranchesComeInTheStatedOrder) {
  torch::manual_seed(14);
  const auto partition = partition_from_spec("nested:n2:2x4:spiral+1:published", 4);
  const auto x = torch::randn({1, 4, 48, 4}, float64());
  for (auto norm : {NormPlacement::ResPost, NormPlacement::Pre}) {
    auto block = random_block(options(4, norm), partition);
    const auto ln = [](const torch::Tensor& t, const torch::nn::LayerNorm& layer) {
      const auto centred = t - t.mean(-1, true);
      return centred / (centred.square().mean(-1, true) + 1e-5).sqrt() * layer->weight + layer->bias;
    };
    const auto a = [&](const torch::Tensor& t) {
      return partition->scatter(block->attn->compose(partition->gather(t), *partition));
    };
    const auto m = [&](const torch::Tensor& t) {
      const auto h = block->mlp->fc1(t);
      return block->mlp->fc2(0.5 * h * (1 + (h / std::sqrt(2.0)).erf()));
    };
    torch::Tensor y;
    if (norm == NormPlacement::ResPost) {
      y = x + ln(a(x), block->norm1);
      y = y + ln(m(y), block->norm2);
    } else {
      y = x + a(ln(x, block->norm1));
      y = y + m(ln(y, block->norm2));
    }
    EXPECT_LT(largest_difference(block(x), y), kRounding);
  }
}

TEST(Block, UnshiftedWindowsDoNotSeeEachOther) {
  torch::manual_seed(15);
  const auto partition = partition_from_spec("nested:n4:2x16", 4);
  auto block = random_block(options(4, NormPlacement::ResPost), partition);
  const auto x = torch::randn({1, 4, 192, 4}, float64());
  auto other = x.clone();
  constexpr int64_t kSlot = 2, kPixel = 37;  // stack window 1, pixel window 2
  other[0][kSlot][kPixel] += 1.0;
  const auto change = (block(other) - block(x)).abs().amax({0, 3});  // [Z, P]
  const auto inside = change.slice(0, 2, 4).slice(1, 32, 48).clone();
  EXPECT_GT(inside.min().item<double>(), 1e-9);
  change.slice(0, 2, 4).slice(1, 32, 48).zero_();
  EXPECT_EQ(change.max().item<double>(), 0.0);
}

TEST(Block, TokensWithAnotherLabelDoNotSeeAChange) {
  torch::manual_seed(16);
  const auto partition = partition_from_spec("nested:n4:2x16:spiral+2:published", 4);
  auto block = random_block(options(4, NormPlacement::ResPost), partition);
  const auto x = torch::randn({1, 4, 192, 4}, float64());
  const auto& lists = partition->lists();
  // The last pixel window holds three regions, the last stack window two: change its last slot of both.
  const int64_t w_z = lists.stack_source.size(0) - 1, w_p = lists.pixel_source.size(0) - 1;
  const auto pixel_label = lists.pixel_label[w_p], stack_label = lists.stack_label[w_z];
  const int64_t n_p = pixel_label.size(0), n_z = stack_label.size(0);
  int64_t changed = 0;
  while (pixel_label[changed].item<int32_t>() != pixel_label.max().item<int32_t>()) ++changed;
  auto other = x.clone();
  other[0][lists.stack_source[w_z][n_z - 1].item<int64_t>()][lists.pixel_source[w_p][changed].item<int64_t>()] += 1.0;
  const auto change = (block(other) - block(x)).abs().amax({0, 3});
  int64_t same = 0, different = 0;
  for (int64_t i = 0; i < n_z; ++i)
    for (int64_t j = 0; j < n_p; ++j) {
      const auto z = lists.stack_source[w_z][i].item<int64_t>(), p = lists.pixel_source[w_p][j].item<int64_t>();
      const double d = change[z][p].item<double>();
      if (stack_label[i].item<int32_t>() == stack_label[n_z - 1].item<int32_t>() &&
          pixel_label[j].item<int32_t>() == pixel_label[changed].item<int32_t>()) {
        EXPECT_GT(d, 1e-9) << i << " " << j;
        ++same;
      } else {
        EXPECT_EQ(d, 0.0) << i << " " << j;
        ++different;
      }
    }
  EXPECT_GT(same, 0);
  EXPECT_GT(different, 0);
  EXPECT_EQ((change > 0).sum().item<int64_t>(), same);
}

/// Share of the tokens of a turned input whose output is not the turned output.
double share_that_does_not_commute(const std::string& spec, int64_t nside, BiasKind bias) {
  torch::manual_seed(17);
  auto block = random_block(options(4, NormPlacement::ResPost, bias), partition_from_spec(spec, 4));
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({1, 4, 12 * nside * nside, 4}, float64());
  const auto difference = (block(turned(x, nside)) - turned(block(x), nside)).abs().amax({0, 3});
  return (difference > 1e-10).to(torch::kFloat64).mean().item<double>();
}

TEST(QuarterTurn, CommutesWithUnshiftedRingwiseAndOrbitBlocks) {
  for (auto bias : {BiasKind::None, BiasKind::Single}) {
    EXPECT_EQ(share_that_does_not_commute("nested:n8:2x64", 8, bias), 0);
    EXPECT_EQ(share_that_does_not_commute("nested:n8:2x64:per_ring+4", 8, bias), 0);
    EXPECT_EQ(share_that_does_not_commute("nested:n4:2x16:grid", 4, bias), 0);
    EXPECT_EQ(share_that_does_not_commute("nested:n4:2x4:per_ring+1", 4, bias), 0);
  }
}

TEST(QuarterTurn, DoesNotCommuteWithTheSpiral) {
  const double share = share_that_does_not_commute("nested:n8:2x64:spiral+4:published", 8, BiasKind::Single);
  EXPECT_GT(share, 0.6);  // recorded: 68 to 75 % of the tokens
  EXPECT_LT(share, 0.8);
}

TEST(DropPath, SkipsWholeSamplesInTrainingAndNothingInEvaluation) {
  torch::manual_seed(18);
  const auto partition = partition_from_spec("nested:n2:2x4", 4);
  auto o = options(4, NormPlacement::ResPost);
  o.drop_path = 0.25;
  auto block = random_block(o, partition);
  const torch::NoGradGuard no_grad;
  block->norm2->weight.zero_();  // only the branch of attention is left
  block->norm2->bias.zero_();
  const auto x = torch::randn({64, 4, 48, 4}, float64());
  block->eval();
  const auto branch = block(x) - x;
  o.drop_path = 0;
  Block without(o, partition);
  without->to(torch::kFloat64);
  for (auto& p : without->named_parameters()) p.value().copy_(block->named_parameters()[p.key()]);
  EXPECT_TRUE(block(x).equal(without(x)));
  block->train();
  const auto taken = block(x) - x;
  int kept = 0;
  for (int64_t b = 0; b < 64; ++b) {
    const bool dropped = taken[b].abs().max().item<double>() == 0;
    if (!dropped) {
      EXPECT_LT(largest_difference(taken[b], branch[b] / 0.75), kRounding) << b;
      ++kept;
    }
  }
  EXPECT_GT(kept, 32);  // 48 expected, standard deviation 3.5
  EXPECT_LT(kept, 64);
}

TEST(Block, DropoutOfTheMlpActsInTrainingOnly) {
  torch::manual_seed(19);
  const auto partition = partition_from_spec("nested:n2:2x4", 4);
  auto o = options(4, NormPlacement::Pre);
  o.attention.dropout = 0.3;
  auto block = random_block(o, partition);
  const auto x = torch::randn({1, 4, 48, 4}, float64());
  block->eval();
  const auto still = block(x);
  EXPECT_TRUE(still.equal(block(x)));
  block->train();
  EXPECT_FALSE(still.equal(block(x)));
}

TEST(Stage, TakesPlainAndShiftedBlocksInTurn) {
  torch::manual_seed(20);
  const torch::NoGradGuard no_grad;
  const auto plain = partition_from_spec("nested:n2:2x4", 4);
  const auto shifted = partition_from_spec("nested:n2:2x4:spiral+1:published", 4);
  Stage stage(3, options(4, NormPlacement::ResPost), plain, shifted);
  randomise(*stage);
  const auto x = torch::randn({1, 4, 48, 4}, float64());
  auto y = x;
  for (int64_t j = 0; j < 3; ++j) {
    Block block(options(4, NormPlacement::ResPost), j == 1 ? shifted : plain);
    block->to(torch::kFloat64);
    for (auto& p : block->named_parameters())
      p.value().copy_(stage->named_parameters()["blocks." + std::to_string(j) + "." + p.key()]);
    y = block(y);
  }
  EXPECT_TRUE(stage(x).equal(y));
}

TEST(PatchMerge, ConcatenatesFourNestedChildrenInOrder) {
  torch::manual_seed(21);
  PatchMerge merge(3);
  randomise(*merge);
  const auto x = torch::randn({2, 2, 12, 3}, float64());
  const auto y = merge(x);
  ASSERT_EQ(y.sizes(), (torch::IntArrayRef{2, 2, 3, 6}));
  for (int64_t n = 0; n < 3; ++n) {
    const auto c =
        torch::cat({x.select(2, 4 * n), x.select(2, 4 * n + 1), x.select(2, 4 * n + 2), x.select(2, 4 * n + 3)}, -1);
    const auto centred = c - c.mean(-1, true);
    const auto normal =
        centred / (centred.square().mean(-1, true) + 1e-5).sqrt() * merge->norm->weight + merge->norm->bias;
    EXPECT_LT(largest_difference(y.select(2, n), normal.matmul(merge->reduction->weight.t())), kRounding) << n;
  }
  EXPECT_FALSE(merge->reduction->bias.defined());
  EXPECT_THROW(merge(torch::zeros({1, 1, 10, 3}, float64())), ShapeError);
}

TEST(PatchExpand, GivesGroupKToChildK) {
  torch::manual_seed(22);
  for (bool output_linear : {false, true}) {
    PatchExpand expand(6, output_linear);
    randomise(*expand);
    const auto x = torch::randn({2, 2, 3, 6}, float64());
    const auto y = expand(x);
    ASSERT_EQ(y.sizes(), (torch::IntArrayRef{2, 2, 12, 3}));
    for (int64_t p = 0; p < 12; ++p) {
      const auto group = expand->expand->weight.slice(0, p % 4 * 3, p % 4 * 3 + 3);  // [C / 2, C]
      const auto c = x.select(2, p / 4).matmul(group.t());
      const auto centred = c - c.mean(-1, true);
      auto e = centred / (centred.square().mean(-1, true) + 1e-5).sqrt() * expand->norm->weight + expand->norm->bias;
      if (output_linear) e = e.matmul(expand->linear->weight.t());
      EXPECT_LT(largest_difference(y.select(2, p), e), kRounding) << p;
    }
  }
}

}  // namespace
}  // namespace pear::sphere
