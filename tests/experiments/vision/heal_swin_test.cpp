// Sizes, symmetries and bad input of HEAL-SWIN.
#include "experiments/vision/heal_swin.h"

#include <gtest/gtest.h>

#include "base/config/reader.h"
#include "experiments/vision/published_names.h"
#include "tests/support/caught.h"

namespace pear::vision {
namespace {

using pear::testing::caught;
using pear::testing::code_of_error;

HealSwinConfig tiny(int64_t base_pixels, const std::string& shift) {
  HealSwinConfig c;
  c.nside = 16;
  c.base_pixels = base_pixels;
  c.embed = 8;
  c.depths = {2, 2};
  c.heads = {2, 4};
  c.window = 16;
  c.shift = shift;
  c.in_channels = 2;
  c.outputs = 3;
  return c;
}

/// float64, evaluation mode, no parameter near zero.
HealSwin random_network(const HealSwinConfig& config) {
  torch::manual_seed(21);
  HealSwin net(config);
  net->to(torch::kFloat64);
  net->eval();
  const torch::NoGradGuard no_grad;
  for (auto& p : net->parameters()) p.normal_(0.0, 0.3);
  return net;
}

torch::Tensor random_input(int64_t batch, const HealSwinConfig& c) {
  return torch::randn({batch, c.in_channels, c.num_pixels()}, torch::kFloat64);
}

TEST(HealSwin, HasThePublishedNumberOfParameters) {
  HealSwinConfig c;
  EXPECT_EQ(HealSwin(c)->num_parameters(), 41279688);
  const std::map<int64_t, int64_t> by_outputs{{12, 41279880}, {8, 41279496}, {1, 41278824}};
  c.nside = 128;  // the same parameters, and less to index
  for (const auto& [outputs, parameters] : by_outputs) {
    c.outputs = outputs;
    EXPECT_EQ(HealSwin(c)->num_parameters(), parameters) << outputs;
  }
  c.outputs = 10;
  c.base_pixels = 12;
  EXPECT_EQ(HealSwin(c)->num_parameters(), 41279688);
}

TEST(HealSwin, HasTheNumberOfParametersOfTheSmallSetting) {
  HealSwinConfig c;
  c.nside = 32;
  c.embed = 32;
  c.depths = {2, 2, 2};
  c.heads = {2, 4, 8};
  c.window = 16;
  EXPECT_EQ(HealSwin(c)->num_parameters(), 747728);
}

TEST(HealSwin, TwoPicturesGiveWhatEachOfThemGives) {
  for (const char* shift : {"ring", "grid", "nest_roll", "none"})
    for (int64_t faces : {8, 12}) {
      const auto c = tiny(faces, shift);
      auto net = random_network(c);
      const torch::NoGradGuard no_grad;
      const auto x = random_input(2, c);
      const auto both = net(x);
      ASSERT_EQ(both.sizes(), (at::IntArrayRef{2, 3, c.num_pixels()}));
      for (int64_t b = 0; b < 2; ++b)
        EXPECT_LT((net(x.narrow(0, b, 1)) - both.narrow(0, b, 1)).abs().max().item<double>(), 1e-12) << shift << faces;
    }
}

/// x[b, c, p] moved by the turn about the axis that takes face f to 4 (f / 4) + (f + 1) mod 4.
torch::Tensor turned(const torch::Tensor& x, int64_t nside) {
  const int64_t area = nside * nside;
  std::vector<int64_t> to;
  for (int64_t p = 0; p < x.size(2); ++p) {
    const int64_t f = p / area;
    to.push_back((4 * (f / 4) + (f + 1) % 4) * area + p % area);
  }
  auto y = torch::empty_like(x);
  y.index_copy_(2, torch::tensor(to, torch::kInt64), x);
  return y;
}

/// Relative L2 difference between turning the output and turning the input.
double turn_error(const HealSwinConfig& c) {
  auto net = random_network(c);
  const torch::NoGradGuard no_grad;
  const auto x = random_input(1, c);
  const auto y = turned(net(x), c.nside);
  return ((net(turned(x, c.nside)) - y).norm() / y.norm()).item<double>();
}

TEST(HealSwin, CommutesWithQuarterTurnsExactlyWhereItsShiftDoes) {
  constexpr double kRounding = 1e-12;
  EXPECT_LT(turn_error(tiny(8, "none")), kRounding);
  EXPECT_LT(turn_error(tiny(12, "none")), kRounding);
  EXPECT_LT(turn_error(tiny(8, "grid")), kRounding);
  EXPECT_LT(turn_error(tiny(12, "grid")), kRounding);
  // Negative controls: these shifts break it.
  EXPECT_GT(turn_error(tiny(8, "ring")), 1e-3);
  EXPECT_GT(turn_error(tiny(12, "ring")), 1e-3);
  EXPECT_GT(turn_error(tiny(8, "nest_roll")), 1e-3);
}

TEST(HealSwin, RandomDepthAndDropoutActInTrainingOnly) {
  const auto c = tiny(12, "grid");
  auto net = random_network(c);
  const torch::NoGradGuard no_grad;
  const auto x = random_input(1, c);
  EXPECT_TRUE(net(x).equal(net(x)));
  net->train();
  EXPECT_FALSE(net(x).equal(net(x)));
}

TEST(HealSwin, PublishedNamesGoOutAndComeBack) {
  auto net = random_network(tiny(8, "ring"));
  HealSwin other(tiny(8, "ring"));
  other->to(torch::kFloat64);
  auto tensors = export_published(*net);
  EXPECT_TRUE(tensors.contains("decoder.layers_up.0.expand.weight"));
  EXPECT_TRUE(tensors.contains("decoder.layers_up.1.blocks.1.attn.logit_scale"));
  EXPECT_EQ(tensors.at("layers.1.blocks.0.attn.relative_position_bias_table").sizes(), (at::IntArrayRef{49, 4}));
  import_published(*other, tensors, "memory");
  for (const auto& item : net->named_parameters())
    EXPECT_TRUE(item.value().equal(other->named_parameters()[item.key()])) << item.key();
  tensors.erase("norm.bias");
  tensors["stray"] = torch::zeros({1});
  tensors["norm.weight"] = torch::zeros({5});
  const auto error = caught([&] { import_published(*other, tensors, "memory"); });
  EXPECT_EQ(error.kind() + " " + error.code(), "DataError WeightMismatch");
  for (const char* word : {"missing norm.bias [16]", "surplus stray [1]", "norm.weight has shape [5], expected [16]"})
    EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
}

/// The message of the error that a changed configuration ends with; checks its type, key and hint.
template <class Change>
void expect_refused(const std::string& key, Change change) {
  HealSwinConfig c = tiny(8, "ring");
  change(c);
  const auto error = caught([&] { HealSwin{c}; });
  EXPECT_EQ(error.kind() + " " + error.code(), "ConfigError Invalid") << key;
  EXPECT_NE(error.detail().what.find("vision." + key + ": "), std::string::npos) << error.what();
  EXPECT_FALSE(error.detail().hint.empty()) << error.what();
}

TEST(HealSwinConfig, RefusesWhatDoesNotFitAndSaysWhatToDo) {
  expect_refused("nside", [](auto& c) { c.nside = 24; });
  expect_refused("nside", [](auto& c) { c.nside = 0; });
  expect_refused("nside", [](auto& c) { c.nside = -16; });
  expect_refused("nside", [](auto& c) { c.nside = 2; });  // patch side 2, one merge
  expect_refused("patch", [](auto& c) { c.patch = 8; });
  expect_refused("heads", [](auto& c) { c.heads = {3, 4}; });
  expect_refused("heads", [](auto& c) { c.heads = {2}; });
  expect_refused("heads", [](auto& c) { c.heads = {0, 4}; });
  expect_refused("depths", [](auto& c) { c.depths = {2}; });
  expect_refused("window", [](auto& c) { c.window = 64; });  // the coarse stage has 16 tokens on a base pixel
  expect_refused("window", [](auto& c) { c.window = 32; });
  expect_refused("base_pixels", [](auto& c) { c.base_pixels = 10; });
  expect_refused("shift", [](auto& c) { c.shift = "spiral"; });
  expect_refused("shift_size", [](auto& c) { c.shift_size = 16; });
  expect_refused("ring_mask", [](auto& c) { c.ring_mask = "refill", c.base_pixels = 12; });
  expect_refused("ring_mask", [](auto& c) { c.ring_mask = "wrap_only"; });
  expect_refused("grid_fill", [](auto& c) { c.grid_fill = "orbit"; });
}

TEST(HealSwinConfig, FieldsOfAFileAreReadStrictly) {
  VisionConfig config;
  read_config(config, {.overrides = {"vision.nside=128", "vision.base_pixels=12", "vision.shift=grid"}});
  EXPECT_EQ(config.vision.nside, 128);
  EXPECT_EQ(code_of_error([&] { read_config(config, {.overrides = {"vision.shift=spiral"}}); }).substr(0, 11),
            "ConfigError");
  EXPECT_EQ(code_of_error([&] { read_config(config, {.overrides = {"vision.window_size=64"}}); }),
            "ConfigError UnknownKey");
}

TEST(HealSwin, RefusesOtherExtents) {
  const auto c = tiny(8, "ring");
  HealSwin net(c);
  EXPECT_EQ(code_of_error([&] { net(torch::zeros({1, 2, c.num_pixels() + 4})); }), "ShapeError SizeMismatch");
  EXPECT_EQ(code_of_error([&] { net(torch::zeros({1, 3, c.num_pixels()})); }), "ShapeError SizeMismatch");
  EXPECT_EQ(code_of_error([&] { net(torch::zeros({2, c.num_pixels()})); }), "ShapeError SizeMismatch");
}

}  // namespace
}  // namespace pear::vision
