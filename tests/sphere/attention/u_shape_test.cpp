#include "sphere/attention/u_shape.h"

#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include "sphere/window/latlon_windows.h"
#include "sphere/window/nested_windows.h"
#include "tests/sphere/attention/examples.h"
#include "tests/support/caught.h"

namespace pear::sphere {
namespace {

using namespace testing;

UShapeOptions options(std::vector<int64_t> depths, std::vector<int64_t> heads) {
  UShapeOptions o;
  o.block.attention.channels = 4;
  o.block.mlp_ratio = 2;
  o.depths = std::move(depths);
  o.heads = std::move(heads);
  return o;
}

std::vector<UShapeLevel> nested_levels() {
  std::vector<UShapeLevel> levels;
  for (const char* n : {"n8", "n4", "n2"}) {
    const std::string spec = std::string("nested:") + n + ":1x4";
    levels.push_back({partition_from_spec(spec, 2), partition_from_spec(spec + ":grid", 2), nullptr});
  }
  return levels;
}

/// Copies the parameters of `whole` whose names start with `prefix` into `part`.
template <class Module>
Module filled(Module part, const UShape& whole, const std::string& prefix) {
  part->to(torch::kFloat64);
  const torch::NoGradGuard no_grad;
  const auto all = whole->named_parameters();
  for (auto& item : part->named_parameters()) item.value().copy_(all[prefix + item.key()]);
  return part;
}

TEST(UShape, IsTheCompositionOfItsPartsWithTheInputsOfItsEncoderStagesAsSkips) {
  torch::manual_seed(31);
  const auto levels = nested_levels();
  const auto o = options({1, 2, 3}, {1, 2, 4});
  UShape net(o, levels);
  randomise(*net);
  const torch::NoGradGuard no_grad;
  const auto stage = [&](const std::string& name, size_t level, const torch::Tensor& x) {
    BlockOptions b = o.block;
    b.attention.channels = 4 << level;
    b.attention.heads = o.heads[level];
    return filled(Stage(o.depths[level], b, levels[level].plain, levels[level].shifted), net, name + ".")(x);
  };
  const auto merge = [&](const char* name, int64_t c, const auto& x) { return filled(PatchMerge(c), net, name)(x); };
  const auto expand = [&](const char* name, int64_t c, const auto& x) {
    return filled(PatchExpand(c, false), net, name)(x);
  };
  const auto join = [&](const char* name, int64_t c, const auto& x, const auto& skip) {
    return filled(torch::nn::Linear(2 * c, c), net, name)(at::cat({x, skip}, -1));
  };
  const auto norm = [&](const char* name, int64_t c, const auto& x) {
    return filled(torch::nn::LayerNorm(torch::nn::LayerNormOptions({c})), net, name)(x);
  };
  const auto x0 = torch::randn({2, 2, 768, 4}, float64());
  const auto x1 = merge("layers.0.downsample.", 4, stage("layers.0", 0, x0));
  const auto x2 = merge("layers.1.downsample.", 8, stage("layers.1", 1, x1));
  auto y = norm("norm.", 16, stage("layers.2", 2, x2));
  y = stage("layers_up.1", 1, join("concat_back_dim.1.", 8, expand("layers_up.0.", 16, y), x1));
  y = stage("layers_up.2", 0, join("concat_back_dim.2.", 4, expand("layers_up.1.upsample.", 8, y), x0));
  EXPECT_LT(largest_difference(net(x0), norm("norm_up.", 4, y)), 1e-12);
}

TEST(UShape, WorksOnRowsAndColumnsThroughAChildMap) {
  torch::manual_seed(32);
  LatLonWindowSpec fine{1, 8, 24, 1, 4, 4, {}, PadTokens::Attend, LonMask::Periodic}, coarse = fine;
  coarse.rows = 4;
  coarse.columns = 12;
  coarse.window_columns = 6;
  const std::vector<UShapeLevel> levels{
      {latlon_windows(fine), shifted_latlon_windows(fine, {0, 2, 2}), latlon_children(8, 24, 2, 2, {})},
      {latlon_windows(coarse), shifted_latlon_windows(coarse, {0, 2, 3}), nullptr}};
  UShape net(options({2, 2}, {2, 2}), levels);
  randomise(*net);
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({1, 1, 192, 4}, float64());
  const auto y = net(x);
  EXPECT_EQ(y.sizes(), x.sizes());
  // Turning by a whole coarse window (six coarse columns) changes nothing but the place; half of one cuts windows.
  const auto around = [](const torch::Tensor& t, int64_t by) {
    return t.view({1, 1, 8, 24, 4}).roll(by, 3).view_as(t);
  };
  EXPECT_LT(largest_difference(net(around(x, 12)), around(y, 12)), 1e-12);
  EXPECT_GT(largest_difference(net(around(x, 6)), around(y, 6)), 1e-3);
}

TEST(UShape, DropPathRisesOverTheEncoderAndTheDecoderRepeatsIt) {
  torch::manual_seed(33);
  auto o = options({1, 1}, {1, 1});
  o.drop_path = 0.999999;  // the first block of the encoder and its partner keep everything, the last one nothing
  const auto levels = nested_levels();
  UShape net(o, std::vector<UShapeLevel>{levels[0], levels[1]});
  randomise(*net);
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({1, 2, 768, 4}, float64());
  std::map<std::string, torch::Tensor> seen;
  net->set_observer([&](const std::string& step, const torch::Tensor& value) { seen[step] = value; });
  net(x);
  EXPECT_FALSE(seen.at("layers.0.blocks.0").equal(x));
  EXPECT_TRUE(seen.at("layers.1.blocks.0").equal(seen.at("layers.0.downsample")));
  net->eval();
  net(x);
  EXPECT_FALSE(seen.at("layers.1.blocks.0").equal(seen.at("layers.0.downsample")));
}

TEST(UShape, RefusesLevelsThatDoNotFit) {
  const auto levels = nested_levels();
  const auto code = [&](std::vector<int64_t> depths, std::vector<int64_t> heads, size_t count) {
    const std::vector<UShapeLevel> used(levels.begin(), levels.begin() + static_cast<std::ptrdiff_t>(count));
    return pear::testing::code_of_error([&] { UShape(options(depths, heads), used); });
  };
  EXPECT_EQ(code({1, 1}, {1, 1}, 2), "none nothing thrown");
  EXPECT_EQ(code({1, 1}, {1, 1}, 3), "ShapeError BadLevels");
  EXPECT_EQ(code({1, 1}, {1}, 2), "ShapeError BadLevels");
  EXPECT_EQ(code({1, 0}, {1, 1}, 2), "ShapeError BadLevels");
  EXPECT_EQ(code({1}, {1}, 1), "ShapeError BadLevels");
  EXPECT_EQ(code({1, 1}, {1, 3}, 2), "ShapeError BadHeads");
}

}  // namespace
}  // namespace pear::sphere
