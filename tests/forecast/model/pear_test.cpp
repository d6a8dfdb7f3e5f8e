#include "forecast/model/pear.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "forecast/model/learned_model.h"
#include "forecast/model/published_names.h"
#include "tests/forecast/model/random_network.h"
#include "tests/sphere/attention/examples.h"
#include "tests/support/caught.h"

namespace pear::forecast {
namespace {

using pear::testing::caught;
using pear::testing::code_of_error;
using sphere::testing::float64;
using sphere::testing::largest_difference;
using sphere::testing::turned;
using testing::kLevels;
using testing::random_network;
using testing::random_state;

StateLayout layout(int64_t nside, int64_t num_levels, bool surface = true, bool upper = true) {
  StateLayout l{sphere::Grid(sphere::HealpixGrid{nside, sphere::PixelOrder::Nested}), {}, {}, {}};
  if (surface) l.surface = {"msl", "t2m"};
  if (upper) l.upper = {"z", "q", "t"};
  if (upper) l.levels_hpa.assign(kLevels.begin(), kLevels.begin() + num_levels);
  return l;
}

/// 8 channels, patches of 2 levels x 4 pixels, windows of 2 x 16 tokens.
ModelConfig small(std::vector<int64_t> depths = {2, 2, 2, 2}) {
  ModelConfig c;
  c.patch = {2, 4};
  c.dims = {8, 16, 16, 8};
  c.heads = {2, 4, 4, 2};
  c.window = {2, 16};
  c.depths = std::move(depths);
  return c;
}

TEST(Pear, HasThePublishedNumberOfParameters) {
  StateLayout l = layout(64, 13);
  l.surface = {"msl", "u10", "v10", "t2m"};
  l.upper = {"z", "q", "t", "u", "v"};
  const Pear net(ModelConfig{}, l);
  EXPECT_EQ(net.num_parameters(), 4279881);
  EXPECT_EQ(net.named_parameters().size(), 225U);
}

TEST(PearExtents, PadTheStackToWholeWindows) {
  struct Case {
    int64_t levels, slots, stack;
  };
  for (const auto& c : {Case{1, 1, 2}, Case{2, 1, 2}, Case{5, 3, 4}, Case{12, 7, 8}, Case{13, 7, 8}}) {
    const auto e = pear_extents(small(), layout(8, c.levels));
    EXPECT_EQ(e.upper_slots, c.slots) << c.levels;
    EXPECT_EQ(e.num_stack, c.stack) << c.levels;
    EXPECT_EQ(e.padded_levels, 2 * c.slots) << c.levels;
  }
  const auto upper = pear_extents(small(), layout(8, 5, false, true));
  EXPECT_EQ(upper.num_stack, 4);
  const auto surface = pear_extents(small(), layout(8, 0, true, false));
  EXPECT_EQ(surface.num_stack, 1);
  EXPECT_EQ(surface.window_stack, 1);
}

TEST(Pear, GivesBackTheShapeOfEveryState) {
  const torch::NoGradGuard no_grad;
  for (int64_t levels : {1, 2, 5, 12, 13})
    for (const auto& [surface, upper] : {std::pair{true, true}, std::pair{false, true}}) {
      const auto l = layout(8, levels, surface, upper);
      const auto x = random_state(l, 2);
      for (const char* crop : {"first", "last"}) {
        auto config = small({1, 1, 1, 1});
        config.level_crop = crop;
        const auto y = random_network<Pear>(config, l)->forward(x);
        EXPECT_EQ(y.upper.sizes(), x.upper.sizes()) << levels;
        EXPECT_EQ(y.surface.defined(), surface);
        EXPECT_TRUE(y.upper.isfinite().all().item<bool>());
      }
    }
  const auto l = layout(8, 0, true, false);
  const auto x = random_state(l, 2);
  const auto y = random_network<Pear>(small(), l)->forward(x);
  EXPECT_EQ(y.surface.sizes(), x.surface.sizes());
  EXPECT_FALSE(y.upper.defined());
}

TEST(Pear, TwoSamplesEqualTwoRunsOfOne) {
  const torch::NoGradGuard no_grad;
  const auto l = layout(8, 3);
  auto net = random_network<Pear>(small(), l);
  const auto x = random_state(l, 2);
  const auto both = net->forward(x);
  for (int64_t b = 0; b < 2; ++b) {
    const auto one = net->forward({x.surface.narrow(0, b, 1), x.upper.narrow(0, b, 1)});
    EXPECT_LT(largest_difference(both.surface.narrow(0, b, 1), one.surface), 1e-10);
    EXPECT_LT(largest_difference(both.upper.narrow(0, b, 1), one.upper), 1e-10);
  }
}

/// Output levels that move when one input level does, without attention.
std::vector<int64_t> moved_levels(const std::string& crop, int64_t level) {
  const torch::NoGradGuard no_grad;
  const auto l = layout(8, 13);
  auto config = small({0, 0, 0, 0});
  config.level_crop = crop;
  auto net = random_network<Pear>(config, l);
  auto x = random_state(l);
  const auto before = net->forward(x).upper;
  x.upper.select(2, level) += 1.0;
  const auto change = (net->forward(x).upper - before).abs().amax({0, 1, 3});
  std::vector<int64_t> moved;
  for (int64_t i = 0; i < 13; ++i)
    if (change[i].item<double>() > 1e-9) moved.push_back(i);
  return moved;
}

TEST(LevelCrop, LastShiftsTheLevelsByOneAndFirstDoesNot) {
  EXPECT_EQ(moved_levels("last", 1), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(moved_levels("first", 1), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(moved_levels("last", 0), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(moved_levels("first", 0), (std::vector<int64_t>{0}));
  EXPECT_EQ(moved_levels("last", 12), (std::vector<int64_t>{12}));
  EXPECT_EQ(moved_levels("first", 12), (std::vector<int64_t>{11, 12}));
}

TEST(Fidelity, FaithfulAndCorrectedDifferByCropAndMaskOnly) {
  const torch::NoGradGuard no_grad;
  const auto l = layout(16, 3);
  const auto x = random_state(l);
  const auto run = [&](const char* fidelity, const char* crop, const char* mask) {
    auto config = small();
    config.fidelity = fidelity;
    config.level_crop = crop;
    config.ring_mask = mask;
    return random_network<Pear>(config, l)->forward(x);
  };
  const auto faithful = run("faithful", "", ""), corrected = run("corrected", "", "");
  EXPECT_TRUE(run("corrected", "last", "published").upper.equal(faithful.upper));
  EXPECT_TRUE(run("faithful", "first", "wrap_only").upper.equal(corrected.upper));
  EXPECT_TRUE(run("faithful", "first", "wrap_only").surface.equal(corrected.surface));
  const auto crop = run("faithful", "first", ""), mask = run("faithful", "", "wrap_only");
  EXPECT_TRUE(crop.surface.equal(faithful.surface));
  // Three levels in six: the kept ones are 0..2 or 3..5, of one and the same field.
  EXPECT_FALSE(crop.upper.equal(faithful.upper));
  EXPECT_FALSE(mask.surface.equal(faithful.surface));
}

TEST(Pear, EveryInputLevelCarriesAGradient) {
  const auto l = layout(8, 13);
  for (const char* fidelity : {"faithful", "corrected"}) {
    auto config = small({1, 1, 1, 1});
    config.fidelity = fidelity;
    auto x = random_state(l);
    x.upper.requires_grad_();
    random_network<Pear>(config, l)->forward(x).upper.square().sum().backward();
    const auto gradient = x.upper.grad().abs().amax({0, 1, 3});
    EXPECT_GT(gradient.min().item<double>(), 1e-9) << fidelity;
  }
}

TEST(Pear, EveryParameterCarriesAGradient) {
  auto net = random_network<Pear>(small(), layout(8, 3));
  const auto y = net->forward(random_state(net->layout()));
  (y.surface.square().sum() + y.upper.square().sum()).backward();
  for (const auto& p : net->named_parameters()) {
    ASSERT_TRUE(p.value().grad().defined()) << p.key();
    EXPECT_GT(p.value().grad().abs().max().item<double>(), 0) << p.key();
  }
}

TEST(LearnedModel, ATendencyWithAZeroHeadIsPersistence) {
  const auto l = layout(8, 3);
  auto config = small({1, 1, 1, 1});
  config.output = "tendency";
  auto net = make_network(config, l);
  net->to(torch::kFloat64);
  const auto channels = static_cast<size_t>(l.num_channels());
  const Normaliser normaliser(
      l, {std::vector<double>(channels, 5.0), std::vector<double>(channels, 3.0), std::vector<double>(channels, 0.5)});
  LearnedModel model(net, normaliser, config, hours(6), "pear");
  const auto x = random_state(l);
  const auto y = model.predict_normalised(x);
  EXPECT_TRUE(y.surface.equal(x.surface));
  EXPECT_TRUE(y.upper.equal(x.upper));
  const auto next = model.step(x, Time{});
  EXPECT_LT(largest_difference(next.upper, x.upper), 1e-13);
  EXPECT_FALSE(next.upper.requires_grad());
}

TEST(LearnedModel, ATendencyIsAddedInUnitsOfItsOwnDeviation) {
  const auto l = layout(8, 3);
  auto config = small({1, 1, 1, 1});
  auto net = random_network<Pear>(config, l);
  config.output = "tendency";
  const auto channels = static_cast<size_t>(l.num_channels());
  const Normaliser normaliser(
      l, {std::vector<double>(channels, 5.0), std::vector<double>(channels, 2.0), std::vector<double>(channels, 0.5)});
  LearnedModel model(net, normaliser, config, hours(6), "pear");
  const auto x = random_state(l);
  const torch::NoGradGuard no_grad;
  const auto change = net->forward(x);
  EXPECT_LT(largest_difference(model.predict_normalised(x).upper, x.upper + 0.25 * change.upper), 1e-13);
  const auto next = model.step({x.surface * 2 + 5, x.upper * 2 + 5}, Time{});
  EXPECT_LT(largest_difference(next.surface, (x.surface + 0.25 * change.surface) * 2 + 5), 1e-10);
}

TEST(PublishedNames, ExportAndImportRestoreTheNetwork) {
  const auto l = layout(8, 3);
  auto a = random_network<Pear>(small(), l);
  const auto tensors = export_published(*a);
  EXPECT_EQ(tensors.size(), a->named_parameters().size());
  EXPECT_EQ(tensors.at("layers.1.blocks.1.attn.earth_position_bias").sizes(), (torch::IntArrayRef{1, 4, 32, 32}));
  auto b = std::make_shared<Pear>(small(), l);
  b->to(torch::kFloat64);
  import_weights(*b, tensors, "export");
  std::map<std::string, torch::Tensor> own;
  for (const auto& p : a->named_parameters()) {
    EXPECT_TRUE(b->named_parameters()[p.key()].equal(p.value())) << p.key();
    own[p.key()] = p.value();
  }
  auto c = std::make_shared<Pear>(small(), l);
  c->to(torch::kFloat64);
  import_weights(*c, own, "own names");
  const torch::NoGradGuard no_grad;
  const auto x = random_state(l);
  EXPECT_TRUE(c->forward(x).upper.equal(a->forward(x).upper));
}

TEST(PublishedNames, ImportListsEverythingThatDoesNotFitAndChangesNothing) {
  const auto l = layout(8, 3);
  auto net = random_network<Pear>(small(), l);
  auto tensors = export_published(*net);
  for (auto& [name, value] : tensors) value = value + 1;
  tensors.erase("norm.weight");
  tensors["layers.9.extra"] = torch::zeros({3});
  tensors["patch_embed.proj_surface.weight"] = torch::zeros({8, 5, 4});
  tensors["layers.0.blocks.0.attn.earth_position_bias"] = torch::zeros({4, 2, 32, 32});
  const auto before = export_published(*net).at("norm.bias").clone();
  const auto e = caught([&] { import_weights(*net, tensors, "file.safetensors"); });
  EXPECT_EQ(e.kind() + " " + e.code(), "DataError WeightMismatch");
  EXPECT_NE(e.detail().what.find("file.safetensors"), std::string::npos);
  for (const char* part :
       {"missing norm.weight [16]", "surplus layers.9.extra [3]",
        "patch_embed.proj_surface.weight has shape [8, 5, 4], expected [8, 2, 4]",
        "layers.0.blocks.0.attn.earth_position_bias has shape [4, 2, 32, 32], expected [1, 2, 32, 32]"})
    EXPECT_NE(e.detail().found.find(part), std::string::npos) << part << " not in " << e.detail().found;
  EXPECT_TRUE(export_published(*net).at("norm.bias").equal(before));
}

TEST(PearErrors, NameGridsAndSizesThatDoNotFit) {
  const auto extents = [](const char* grid, int64_t patch, int64_t window) {
    ModelConfig c;
    c.patch = {2, patch};
    c.window = {2, window};
    StateLayout l = layout(1, 3);
    l.grid = sphere::Grid::from_spec(grid);
    return code_of_error([&] { pear_extents(c, l); });
  };
  EXPECT_EQ(extents("healpix:16", 16, 16), "none nothing thrown");
  EXPECT_EQ(extents("healpix:16", 16, 64), "ShapeError BadWindow");  // 48 tokens on the coarse scale
  EXPECT_EQ(extents("healpix:4", 16, 16), "ConfigError BadModelGrid");
  EXPECT_EQ(extents("healpix:16:ring", 16, 16), "ConfigError BadModelGrid");
  EXPECT_EQ(extents("latlon:19x36+poles", 16, 16), "ConfigError BadModelGrid");
  EXPECT_EQ(code_of_error([] { pear_extents(small(), layout(8, 0, false, false)); }), "ConfigError BadModelGrid");
  ModelConfig c = small();
  c.name = "persistence";
  EXPECT_EQ(code_of_error([&] { make_network(c, layout(8, 3)); }), "ConfigError UnknownModel");
}

TEST(PearErrors, NameInputsOfAnotherShape) {
  const auto l = layout(8, 3);
  auto net = random_network<Pear>(small({1, 1, 1, 1}), l);
  const auto x = random_state(l);
  const auto run = [&](const State& state) { return code_of_error([&] { net->forward(state); }); };
  EXPECT_EQ(run({x.surface.narrow(1, 0, 1), x.upper}), "ShapeError SizeMismatch");
  EXPECT_EQ(run({x.surface, x.upper.narrow(2, 0, 2)}), "ShapeError SizeMismatch");
  EXPECT_EQ(run({x.surface, x.upper.narrow(3, 0, 192)}), "ShapeError SizeMismatch");
  EXPECT_EQ(run({x.surface, {}}), "ShapeError SizeMismatch");
  EXPECT_EQ(run({{}, x.upper}), "ShapeError SizeMismatch");
}

/// Largest change of the output, relative to its size, when input and output are turned by 90 degrees.
double turn_error(const char* shift) {
  const torch::NoGradGuard no_grad;
  constexpr int64_t kNside = 16;
  auto config = small();
  config.shift = shift;
  const auto l = layout(kNside, 3);
  auto net = random_network<Pear>(config, l);
  const auto x = random_state(l);
  const auto turn = [](const torch::Tensor& t) {
    return turned(t.flatten(0, -2).unsqueeze(0).unsqueeze(-1), kNside).view(t.sizes());
  };
  const auto of_turned = net->forward({turn(x.surface), turn(x.upper)});
  const auto y = net->forward(x);
  return std::max(largest_difference(of_turned.surface, turn(y.surface)) / y.surface.abs().max().item<double>(),
                  largest_difference(of_turned.upper, turn(y.upper)) / y.upper.abs().max().item<double>());
}

TEST(QuarterTurn, CommutesWithPearUnlessTheShiftIsASpiral) {
  EXPECT_LT(turn_error("per_ring"), 1e-12);
  EXPECT_LT(turn_error("none"), 1e-12);
  EXPECT_LT(turn_error("grid"), 1e-12);
  EXPECT_GT(turn_error("spiral"), 1e-3);
}

TEST(DropPath, RisesOverTheBlocksAndSleepsInEvaluation) {
  const auto l = layout(8, 3);
  auto config = small();
  const auto x = random_state(l);
  const torch::NoGradGuard no_grad;
  const auto expected = random_network<Pear>(config, l)->forward(x);
  config.drop_path = 0.5;
  config.dropout = 0.2;
  config.attention_dropout = 0.2;
  auto net = random_network<Pear>(config, l);
  EXPECT_TRUE(net->forward(x).upper.equal(expected.upper));
  net->train();
  EXPECT_FALSE(net->forward(x).upper.equal(expected.upper));
}

}  // namespace
}  // namespace pear::forecast
