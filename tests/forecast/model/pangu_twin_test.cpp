#include "forecast/model/pangu_twin.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "forecast/model/pear.h"
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
using testing::kLevels;
using testing::random_network;
using testing::random_state;

StateLayout layout_on(const std::string& grid, int64_t num_levels, bool surface = true, bool upper = true) {
  StateLayout l{sphere::Grid::from_spec(grid), {}, {}, {}};
  if (surface) l.surface = {"msl", "t2m"};
  if (upper) l.upper = {"z", "q", "t"};
  if (upper) l.levels_hpa.assign(kLevels.begin(), kLevels.begin() + num_levels);
  return l;
}

StateLayout published_variables(const std::string& grid) {
  StateLayout l = layout_on(grid, 13);
  l.surface = {"msl", "u10", "v10", "t2m"};
  l.upper = {"z", "q", "t", "u", "v"};
  return l;
}

/// 8 channels, patches of 2 levels x 2 x 2 cells, windows of 2 x 2 x 4 tokens: whole in 8 rows and 16 columns of cells.
ModelConfig small(const std::string& variant = "matched", std::vector<int64_t> depths = {2, 2, 2, 2}) {
  ModelConfig c;
  c.name = "pangu_twin";
  c.variant = variant;
  c.patch = {2, 2, 2};
  c.dims = {8, 16, 16, 8};
  c.heads = {2, 4, 4, 2};
  c.window = {2, 2, 4};
  c.depths = std::move(depths);
  return c;
}

constexpr const char* kWhole = "latlon:16x48+half";   // no pads with `small`
constexpr const char* kPadded = "latlon:17x46+half";  // pads for patches, merging and windows

int64_t num_parameters(const std::string& variant, const char* grid, std::vector<int64_t> window, int64_t width,
                       const char* bias) {
  ModelConfig c;
  c.name = "pangu_twin";
  c.variant = variant;
  c.position_bias = bias;
  c.patch = {2, 4, 4};
  c.window = std::move(window);
  c.dims = {width, 2 * width, 2 * width, width};
  return PanguTwin(c, published_variables(grid)).num_parameters();
}

TEST(PanguTwin, HasThePublishedNumbersOfParameters) {
  EXPECT_EQ(num_parameters("published", "latlon:157x314+poles", {2, 6, 12}, 48, ""), 11385993);
  EXPECT_EQ(num_parameters("published", "latlon:157x314+poles", {2, 6, 12}, 192, ""), 33696777);
  EXPECT_EQ(num_parameters("matched", "latlon:192x256+half", {2, 8, 8}, 48, ""), 4279881);
}

TEST(PanguTwin, HasTheTabulatedNumbersOfTheArmsBetween) {
  EXPECT_EQ(num_parameters("matched", "latlon:192x256+half", {2, 8, 8}, 48, "earth_specific"), 10374729);
  EXPECT_EQ(num_parameters("matched", "latlon:144x288+half", {2, 6, 12}, 48, "earth_specific"), 9158217);
  EXPECT_EQ(num_parameters("matched", "latlon:144x288+half", {2, 6, 12}, 48, "single"), 5011017);
}

TEST(PanguTwin, MatchedHasThePearsTensorsTokensAndWindows) {
  ModelConfig config;
  const Pear pear(config, published_variables("healpix:64"));
  config.name = "pangu_twin";
  config.patch = {2, 4, 4};
  config.window = {2, 8, 8};
  const auto l = published_variables("latlon:192x256+half");
  const PanguTwin twin(config, l);
  const auto a = pear.named_parameters(), b = twin.named_parameters();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].key(), b[i].key());
    EXPECT_EQ(a[i].value().numel(), b[i].value().numel()) << a[i].key();
  }
  const auto e = twin_extents(config, l);
  EXPECT_EQ(e.tokens.rows * e.tokens.columns, 3072);
  EXPECT_EQ(e.coarse.rows * e.coarse.columns, 768);
  EXPECT_EQ(e.num_stack, 8);
}

TEST(TwinExtents, PadAsThePublishedProgram) {
  auto config = small("published");
  config.patch = {2, 4, 4};
  config.window = {2, 6, 12};
  const auto e = twin_extents(config, layout_on("latlon:157x314+poles", 13));
  EXPECT_EQ(e.patch_pads, (sphere::LatLonPads{1, 2, 1, 1}));
  EXPECT_EQ(e.merge_pads, (sphere::LatLonPads{0, 0, 0, 1}));
  EXPECT_EQ(e.fine_pads, (sphere::LatLonPads{1, 1, 2, 3}));
  EXPECT_EQ(e.coarse_pads, (sphere::LatLonPads{2, 2, 4, 4}));
  EXPECT_EQ(e.tokens.rows, 40);
  EXPECT_EQ(e.tokens.columns, 79);
  EXPECT_EQ(e.coarse.rows, 20);
  EXPECT_EQ(e.coarse.columns, 40);
}

TEST(PanguTwin, GivesBackTheShapeOfEveryState) {
  const torch::NoGradGuard no_grad;
  for (const auto& [variant, grid] : {std::pair{"matched", kWhole}, std::pair{"published", kPadded}}) {
    auto config = small(variant, {1, 1, 1, 1});
    for (int64_t levels : {1, 2, 5, 13})
      for (const auto& [surface, upper] : {std::pair{true, true}, std::pair{false, true}}) {
        const auto l = layout_on(grid, levels, surface, upper);
        const auto x = random_state(l, 2);
        const auto y = random_network<PanguTwin>(config, l)->forward(x);
        EXPECT_EQ(y.upper.sizes(), x.upper.sizes()) << levels;
        EXPECT_EQ(y.surface.defined(), surface);
        EXPECT_TRUE(y.upper.isfinite().all().item<bool>());
      }
    config.depths = {2, 2, 2, 2};
    config.window_shift = {1, 1, 2};
    const auto l = layout_on(grid, 0, true, false);
    const auto x = random_state(l, 2);
    EXPECT_EQ(random_network<PanguTwin>(config, l)->forward(x).surface.sizes(), x.surface.sizes());
  }
}

TEST(PanguTwin, TwoSamplesEqualTwoRunsOfOne) {
  const torch::NoGradGuard no_grad;
  for (const auto& [variant, grid] : {std::pair{"matched", kWhole}, std::pair{"published", kPadded}}) {
    const auto l = layout_on(grid, 3);
    auto net = random_network<PanguTwin>(small(variant), l);
    const auto x = random_state(l, 2);
    const auto both = net->forward(x);
    for (int64_t b = 0; b < 2; ++b) {
      const auto one = net->forward({x.surface.narrow(0, b, 1), x.upper.narrow(0, b, 1)});
      EXPECT_LT(largest_difference(both.surface.narrow(0, b, 1), one.surface), 1e-10) << variant;
      EXPECT_LT(largest_difference(both.upper.narrow(0, b, 1), one.upper), 1e-10) << variant;
    }
  }
}

State rolled(const State& x, int64_t rows, int64_t columns) {
  const auto roll = [&](const torch::Tensor& t) { return t.unflatten(-1, {rows, -1}).roll(columns, -1).flatten(-2); };
  return {roll(x.surface), roll(x.upper)};
}

/// Largest change of the output, relative to its size, when input and output are rolled eastwards.
double roll_error(const ModelConfig& config, const char* grid, int64_t columns) {
  const torch::NoGradGuard no_grad;
  const auto l = layout_on(grid, 3);
  const auto rows = static_cast<int64_t>(l.grid.latlon().lat_deg.size());
  auto net = random_network<PanguTwin>(config, l);
  const auto x = random_state(l);
  const auto y = rolled(net->forward(x), rows, columns), of_rolled = net->forward(rolled(x, rows, columns));
  return std::max(largest_difference(of_rolled.surface, y.surface) / y.surface.abs().max().item<double>(),
                  largest_difference(of_rolled.upper, y.upper) / y.upper.abs().max().item<double>());
}

constexpr double kRoundOff = 1e-12;  // products of other row counts round differently
constexpr double kBroken = 1e-4;

TEST(LongitudeShift, CommutesWithMatchedByWholeCoarseWindowsOnly) {
  for (int64_t columns : {16, 32}) EXPECT_LT(roll_error(small(), kWhole, columns), kRoundOff) << columns;
  for (int64_t columns : {1, 2, 4, 8}) EXPECT_GT(roll_error(small(), kWhole, columns), kBroken) << columns;
}

TEST(LongitudeShift, CommutesWithMatchedOnTheFullGridBy64Columns) {
  auto config = small();
  config.patch = {2, 4, 4};
  config.window = {2, 8, 8};
  EXPECT_LT(roll_error(config, "latlon:192x256+half", 64), kRoundOff);
  EXPECT_GT(roll_error(config, "latlon:192x256+half", 32), kBroken);
}

TEST(LongitudeShift, CommutesWithTypedBiasAndPreNorm) {
  auto config = small();
  config.position_bias = "earth_specific";
  config.norm = "pre";
  config.mid_norm = false;
  EXPECT_LT(roll_error(config, kWhole, 16), kRoundOff);
}

TEST(LongitudeShift, IsBrokenByTheSplitSeamAndByPads) {
  auto split = small();
  split.lon_mask = "split_last";
  EXPECT_GT(roll_error(split, kWhole, 16), kBroken);
  auto config = small("published");
  config.patch = {2, 4, 4};
  config.window = {2, 6, 12};
  for (int64_t columns : {4, 48}) EXPECT_GT(roll_error(config, "latlon:49x106+poles", columns), kBroken) << columns;
}

/// Output levels that move when one input level does, without attention.
std::vector<int64_t> moved_levels(const std::string& variant, const std::string& crop, int64_t level) {
  const torch::NoGradGuard no_grad;
  const auto l = layout_on(kPadded, 13);
  auto config = small(variant, {0, 0, 0, 0});
  config.level_crop = crop;
  config.patch_padding = config.token_padding = "zero";
  config.lon_mask = "split_last";
  auto net = random_network<PanguTwin>(config, l);
  auto x = random_state(l);
  const auto before = net->forward(x).upper;
  x.upper.select(2, level) += 1.0;
  const auto change = (net->forward(x).upper - before).abs().amax({0, 1, 3});
  std::vector<int64_t> moved;
  for (int64_t i = 0; i < 13; ++i)
    if (change[i].item<double>() > 1e-9) moved.push_back(i);
  return moved;
}

TEST(LevelPad, PublishedIsAlignedAndMatchedAsPear) {
  EXPECT_EQ(moved_levels("published", "", 1), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(moved_levels("published", "", 12), (std::vector<int64_t>{12}));
  EXPECT_EQ(moved_levels("matched", "", 1), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(moved_levels("matched", "first", 1), (std::vector<int64_t>{1, 2}));
}

TEST(PatchPadding, SendsEveryCellThroughItsOwnPatch) {
  // P10: heights that leave 2 or 3 are padded wrongly by the published program; `zero` pads them evenly.
  const torch::NoGradGuard no_grad;
  for (int64_t rows : {34, 35}) {
    const auto l = layout_on("latlon:" + std::to_string(rows) + "x64+half", 0, true, false);
    auto config = small("published", {0, 0, 0, 0});
    config.patch = {2, 4, 4};
    config.patch_padding = "zero";
    auto net = random_network<PanguTwin>(config, l);
    auto x = random_state(l);
    const auto before = net->forward(x).surface;
    const int64_t row = rows - 1, column = 9;  // pads above: (36 - rows) / 2
    x.surface.select(2, row * 64 + column) += 1.0;
    const auto moved = (net->forward(x).surface - before).abs().amax({0, 1}).view({rows, 64}) > 1e-9;
    const int64_t first = (row + (36 - rows) / 2) / 8 * 8 - (36 - rows) / 2;  // of its coarse token, two patches high
    EXPECT_TRUE(moved.narrow(0, first, rows - first).narrow(1, 8, 8).any().item<bool>());
    EXPECT_EQ(moved.sum().item<int64_t>(), moved.narrow(0, first, rows - first).narrow(1, 8, 8).sum().item<int64_t>());
  }
}

TEST(PanguTwin, EverySwitchChangesTheResult) {
  const torch::NoGradGuard no_grad;
  const auto l = layout_on(kPadded, 3);
  const auto x = random_state(l);
  const auto run = [&](const std::function<void(ModelConfig&)>& change) {
    auto config = small("published");
    change(config);
    return random_network<PanguTwin>(config, l)->forward(x).upper;
  };
  const auto base = run([](ModelConfig&) {});
  EXPECT_TRUE(run([](ModelConfig& c) { c.fidelity = "corrected"; }).equal(base));  // says nothing about this variant
  const std::vector<std::pair<const char*, std::function<void(ModelConfig&)>>> changes{
      {"shift", [](ModelConfig& c) { c.shift = "none"; }},
      {"window_shift",
       [](ModelConfig& c) {
         c.window_shift = {1, 1, 1};
       }},
      {"position_bias", [](ModelConfig& c) { c.position_bias = "single"; }},
      {"no bias", [](ModelConfig& c) { c.position_bias = "none"; }},
      {"norm", [](ModelConfig& c) { c.norm = "res_post"; }},
      {"mid_norm", [](ModelConfig& c) { c.mid_norm = true; }},
      {"head_order", [](ModelConfig& c) { c.head_order = "skip_first"; }},
      {"level_pad", [](ModelConfig& c) { c.level_pad = "front"; }},
      {"level_crop", [](ModelConfig& c) { c.level_crop = "first"; }},
      {"pad_tokens", [](ModelConfig& c) { c.pad_tokens = "masked"; }}};
  for (const auto& [name, change] : changes) EXPECT_FALSE(run(change).equal(base)) << name;
  auto split = small("matched");
  const auto whole = layout_on(kWhole, 3);
  const auto y = random_state(whole);
  const auto periodic = random_network<PanguTwin>(split, whole)->forward(y).upper;
  split.lon_mask = "split_last";
  EXPECT_FALSE(random_network<PanguTwin>(split, whole)->forward(y).upper.equal(periodic));
}

TEST(LinearInit, LibtorchDrawsWiderThanTheTruncatedNormal) {
  const auto spread = [](const char* init) {
    auto config = small();
    config.linear_init = init;
    torch::manual_seed(5);
    const PanguTwin net(config, layout_on(kWhole, 3));
    const auto parameters = net.named_parameters();
    return std::pair{parameters["layers.0.blocks.0.mlp.fc1.weight"].std().item<double>(),
                     parameters["layers.0.blocks.0.mlp.fc1.bias"].abs().max().item<double>()};
  };
  const auto normal = spread("trunc_normal"), libtorch = spread("libtorch");
  EXPECT_NEAR(normal.first, 0.02, 0.005);
  EXPECT_EQ(normal.second, 0);
  EXPECT_NEAR(libtorch.first, 1 / std::sqrt(3.0 * 8), 0.03);  // uniform in +-1/sqrt(8 channels)
  EXPECT_GT(libtorch.second, 0.1);
}

TEST(PanguTwin, EveryParameterCarriesAGradientButThoseOfTheConstantChannels) {
  auto net = random_network<PanguTwin>(small("published"), layout_on(kPadded, 3));
  const auto y = net->forward(random_state(net->layout()));
  (y.surface.square().sum() + y.upper.square().sum()).backward();
  for (const auto& p : net->named_parameters()) {
    ASSERT_TRUE(p.value().grad().defined()) << p.key();
    EXPECT_GT(p.value().grad().abs().max().item<double>(), 0) << p.key();
  }
  const auto embed = net->named_parameters()["patch_embed.proj_surface.weight"].grad();
  ASSERT_EQ(embed.size(1), 5);
  EXPECT_EQ(embed.narrow(1, 2, 3).abs().max().item<double>(), 0);
}

TEST(PublishedNames, OfTheBaselineRestoreTheNetwork) {
  const auto l = layout_on(kPadded, 3);
  auto a = random_network<PanguTwin>(small("published"), l);
  const auto tensors = export_published(*a);
  EXPECT_EQ(tensors.size(), a->named_parameters().size());
  EXPECT_EQ(tensors.at("patchembed3d.proj.weight").sizes(), (torch::IntArrayRef{8, 3, 2, 2, 2}));
  const auto& table = tensors.at("layer1.blocks.1.attn.earth_position_bias_table");  // 7 x 2^2 x 2^2, 2 x 5 windows
  EXPECT_EQ(table.sizes(), (torch::IntArrayRef{112, 10, 2}));
  EXPECT_TRUE(has_published_names(tensors));
  for (const char* name : {"patchembed2d.proj.bias", "downsample.linear.weight", "downsample.norm.bias",
                           "upsample.linear1.weight", "upsample.linear2.weight", "patchrecovery2d.conv.weight",
                           "patchrecovery3d.conv.bias", "layer4.blocks.0.mlp.fc1.weight"})
    EXPECT_TRUE(tensors.contains(name)) << name;
  auto b = std::make_shared<PanguTwin>(small("published"), l);
  b->to(torch::kFloat64);
  import_weights(*b, tensors, "export");
  for (const auto& p : a->named_parameters()) EXPECT_TRUE(b->named_parameters()[p.key()].equal(p.value())) << p.key();
}

TEST(PanguTwinErrors, NameGridsAndSizesThatDoNotFit) {
  const auto extents = [](const char* grid, const std::function<void(ModelConfig&)>& change) {
    auto config = small();
    change(config);
    return code_of_error([&] { twin_extents(config, layout_on(grid, 3)); });
  };
  const auto same = [](ModelConfig&) {};
  const auto zero = [](ModelConfig& c) { c.patch_padding = c.token_padding = "zero"; };
  EXPECT_EQ(extents(kWhole, same), "none nothing thrown");
  EXPECT_EQ(extents("healpix:8", same), "ConfigError BadModelGrid");
  EXPECT_EQ(extents("gaussian:N32", same), "ConfigError BadModelGrid");
  EXPECT_EQ(extents("latlon:16x48+area=60/-10/30/40", same), "ConfigError BadModelGrid");
  EXPECT_EQ(extents("latlon:4x48+half", same), "ShapeError BadWindow");  // one row of coarse tokens, windows of two
  EXPECT_EQ(extents("latlon:16x8+half", same), "ShapeError BadWindow");
  EXPECT_EQ(extents("latlon:17x48+half", same), "ConfigError BadModelGrid");  // patches do not divide the rows
  EXPECT_EQ(extents("latlon:20x48+half", same), "ConfigError BadModelGrid");  // coarse windows do not
  EXPECT_EQ(extents("latlon:20x48+half", zero), "none nothing thrown");       // pads along latitude break nothing
  EXPECT_EQ(extents("latlon:16x46+half", zero), "ConfigError BadModelGrid");  // along longitude they do
  const auto published = [](ModelConfig& c) {
    c.variant = "published";
    c.patch = {2, 4, 4};
  };
  EXPECT_EQ(extents("latlon:33x64+half", published), "none nothing thrown");
  EXPECT_EQ(extents("latlon:34x64+half", published), "ConfigError BadModelGrid");
  EXPECT_EQ(extents("latlon:35x64+half", published), "ConfigError BadModelGrid");
  EXPECT_EQ(code_of_error([] { twin_extents(small(), layout_on(kWhole, 0, false, false)); }),
            "ConfigError BadModelGrid");
}

TEST(PanguTwinErrors, NameInputsOfAnotherShape) {
  const auto l = layout_on(kWhole, 3);
  auto net = random_network<PanguTwin>(small("matched", {1, 1, 1, 1}), l);
  const auto x = random_state(l);
  const auto run = [&](const State& state) { return code_of_error([&] { net->forward(state); }); };
  EXPECT_EQ(run({x.surface, x.upper.narrow(3, 0, 48)}), "ShapeError SizeMismatch");
  EXPECT_EQ(run({{}, x.upper}), "ShapeError SizeMismatch");
}

std::vector<std::string> issues_of(const ModelConfig& config) {
  ConfigIssues issues;
  config.validate(issues, "model");
  std::vector<std::string> keys;
  for (const auto& issue : issues.issues()) keys.push_back(issue.key);
  return keys;
}

TEST(ModelConfig, NamesKeysThatDoNotFitTheModel) {
  using Keys = std::vector<std::string>;
  EXPECT_EQ(issues_of(ModelConfig{}), Keys{});
  EXPECT_EQ(issues_of(small()), Keys{});
  EXPECT_EQ(issues_of(small("published")), Keys{});
  ModelConfig pear;
  pear.variant = "published";
  pear.shift = "planar";
  pear.position_bias = "earth_specific";
  pear.lon_mask = "periodic";
  pear.window_shift = {1, 4, 4};
  EXPECT_EQ(issues_of(pear),
            (Keys{"model.variant", "model.shift", "model.position_bias", "model.lon_mask", "model.window_shift"}));
  ModelConfig twin = small();
  twin.patch = {2, 16};
  twin.window = {2, 64};
  twin.shift = "spiral";
  twin.ring_shift = 4;
  EXPECT_EQ(issues_of(twin), (Keys{"model.patch", "model.window", "model.shift", "model.ring_shift"}));
  twin = small();
  twin.window_shift = {1, 2, 2};  // a whole window of two rows
  EXPECT_EQ(issues_of(twin), Keys{"model.window_shift"});
  twin = small("published", {2, 6, 4, 2});
  EXPECT_EQ(issues_of(twin), Keys{"model.depths"});
  twin.fidelity = "corrected";
  EXPECT_EQ(issues_of(twin), (Keys{"model.depths", "model.fidelity"}));
  twin.fidelity = "faithful";
  twin.drop_path_order = "rising";
  EXPECT_EQ(issues_of(twin), Keys{});
}

TEST(DropPath, OfTheTwinSleepsInEvaluation) {
  const torch::NoGradGuard no_grad;
  const auto l = layout_on(kPadded, 3);
  auto config = small("published");
  const auto x = random_state(l);
  const auto expected = random_network<PanguTwin>(config, l)->forward(x);
  config.drop_path = 0.5;
  auto net = random_network<PanguTwin>(config, l);
  EXPECT_TRUE(net->forward(x).upper.equal(expected.upper));
  net->train();
  EXPECT_FALSE(net->forward(x).upper.equal(expected.upper));
}

}  // namespace
}  // namespace pear::forecast
