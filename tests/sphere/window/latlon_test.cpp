// Windows and blocks of lat-lon grids (sphere-core design section 4).
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "sphere/window/latlon_windows.h"
#include "tests/sphere/window/checksum.h"

namespace pear::sphere {
namespace {

using testing::c2;
using testing::values;

struct Case {
  LatLonWindowSpec spec;
  LatLonShift shift;
  int64_t windows_stack, windows_pixels, masked_split, masked_periodic, zero_tokens, checksum;
};

LatLonWindowSpec spec_of(int64_t rows, int64_t columns, int64_t window_rows, int64_t window_columns) {
  return {8,
          rows,
          columns,
          2,
          window_rows,
          window_columns,
          pads_to_multiple(rows, columns, window_rows, window_columns),
          PadTokens::Attend,
          LonMask::SplitLast};
}

/// Rows of the design's table; counts and checksums were computed there, `split_last` equals the published baseline.
const Case kCases[] = {{spec_of(40, 79, 6, 12), {1, 3, 6}, 4, 49, 88, 70, 368, 243058683},
                       {spec_of(20, 40, 6, 12), {1, 3, 6}, 4, 16, 37, 28, 352, 255265628},
                       {spec_of(48, 64, 8, 8), {1, 4, 4}, 4, 48, 87, 72, 0, 829114015},
                       {spec_of(24, 32, 8, 8), {1, 4, 4}, 4, 12, 30, 24, 0, 389076053}};

int64_t num_masked(const WindowPartition& partition) {
  int64_t n = 0;
  for (int64_t w = 0; w < partition.num_windows(); ++w) n += partition.mask_of(w).defined() ? 1 : 0;
  return n;
}

/// The same columns without pads, so that the periodic mask is allowed; rows and counts of windows stay.
LatLonWindowSpec periodic(LatLonWindowSpec s) {
  s.columns += s.pads.left + s.pads.right;
  s.pads.left = s.pads.right = 0;
  s.lon_mask = LonMask::Periodic;
  return s;
}

TEST(LatLonWindows, HaveTheTabulatedCountsAndChecksums) {
  for (const Case& c : kCases) {
    const auto plain = latlon_windows(c.spec), shifted = shifted_latlon_windows(c.spec, c.shift);
    EXPECT_EQ(plain->num_windows(), c.windows_stack * c.windows_pixels);
    EXPECT_EQ(plain->lists().pixel_source.size(0), c.windows_pixels);
    EXPECT_EQ(num_masked(*plain), 0);
    EXPECT_EQ(num_masked(*shifted), c.masked_split) << c.spec.rows;
    EXPECT_EQ(num_masked(*shifted_latlon_windows(periodic(c.spec), c.shift)), c.masked_periodic) << c.spec.rows;
    const auto& source = shifted->lists().pixel_source;
    EXPECT_EQ((source < 0).sum().item<int64_t>(), c.zero_tokens);
    EXPECT_EQ(c2(values(source.add(1))), c.checksum) << c.spec.rows;
  }
}

TEST(LatLonWindows, PadsFollowTheSmallerHalfFirst) {
  EXPECT_EQ(pads_to_multiple(40, 79, 6, 12), (LatLonPads{1, 1, 2, 3}));
  EXPECT_EQ(pads_to_multiple(20, 40, 6, 12), (LatLonPads{2, 2, 4, 4}));
  EXPECT_EQ(pads_to_multiple(157, 314, 4, 4), (LatLonPads{1, 2, 1, 1}));
  EXPECT_FALSE(pads_to_multiple(192, 256, 4, 4).any());
}

TEST(LatLonWindows, ScatterUndoesGatherBitForBit) {
  torch::manual_seed(3);
  for (const Case& c : kCases)
    for (const auto& partition : {latlon_windows(c.spec), shifted_latlon_windows(c.spec, c.shift)}) {
      const auto x = torch::rand({2, 8, c.spec.rows * c.spec.columns, 3}) + 1;
      const auto windows = partition->gather(x);
      EXPECT_TRUE(partition->scatter(windows).equal(x));
      EXPECT_EQ((windows.select(3, 0) == 0).sum().item<int64_t>(), 2 * 8 * c.zero_tokens);
    }
}

TEST(LatLonWindows, UnequalShiftsMoveTheirOwnAxis) {
  // P4: a longitude rolled by the latitude shift goes unnoticed where both are equal.
  LatLonWindowSpec s{1, 8, 12, 1, 4, 6, {}, PadTokens::Attend, LonMask::Periodic};
  const auto source = shifted_latlon_windows(s, {0, 1, 2})->lists().pixel_source;
  EXPECT_EQ(source[0][0].item<int64_t>(), 1 * 12 + 2);
  EXPECT_EQ(source[0][6].item<int64_t>(), 2 * 12 + 2);
  EXPECT_EQ(source[1][5].item<int64_t>(), 1 * 12 + 1);   // columns wrap
  EXPECT_EQ(source[2][18].item<int64_t>(), 0 * 12 + 2);  // rows wrap
}

/// pixel_source of windows moved east by whole windows reads columns moved by as much; labels and types are the same.
void expect_turns_with_the_grid(const LatLonWindowSpec& s, const WindowPartition& partition) {
  const auto& lists = partition.lists();
  const int64_t across = s.columns / s.window_columns, down = s.rows / s.window_rows;
  const auto source = lists.pixel_source.view({down, across, -1});
  const auto row = source.div(s.columns, "floor"), column = source.remainder(s.columns);
  const auto label = lists.pixel_label.view({down, across, -1});
  for (int64_t k = 1; k < across; ++k) {
    const auto moved = row * s.columns + column.add(k * s.window_columns).remainder(s.columns);
    EXPECT_TRUE(source.roll(-k, 1).equal(moved)) << k;
    EXPECT_TRUE(label.roll(-k, 1).equal(label)) << k;
    EXPECT_TRUE(lists.bias_type.view({-1, across}).roll(-k, 1).equal(lists.bias_type.view({-1, across})));
  }
}

TEST(LatLonWindows, TurnExactlyWithTheGridWhenPeriodic) {
  for (const Case& c : kCases) {
    auto s = periodic(c.spec);
    s.rows += s.pads.top + s.pads.bottom;
    s.pads = {};
    expect_turns_with_the_grid(s, *latlon_windows(s));
    expect_turns_with_the_grid(s, *shifted_latlon_windows(s, c.shift));
  }
}

TEST(LatLonWindows, TheSplitSeamDoesNotTurn) {
  const auto label = shifted_latlon_windows(kCases[3].spec, {1, 4, 4})->lists().pixel_label.view({3, 4, 64});
  EXPECT_FALSE(label.roll(-1, 1).equal(label));
  EXPECT_TRUE(
      label.narrow(1, 0, 3).equal(label.narrow(1, 0, 1).expand({3, 3, 64})));  // only the last column of windows
}

TEST(LatLonWindows, MaskedPadsAreNotSeenByRealTokens) {
  auto s = kCases[1].spec;
  s.pad_tokens = PadTokens::Masked;
  const auto partition = latlon_windows(s);
  const auto source = partition->lists().pixel_source;
  for (int64_t w : {int64_t{0}, int64_t{5}, int64_t{15}}) {
    const auto zero = (source[w] < 0).repeat({2});
    const auto expected = zero.unsqueeze(0) != zero.unsqueeze(1);
    const auto mask = partition->mask_of(w);
    ASSERT_EQ(mask.defined(), expected.any().item<bool>()) << w;
    EXPECT_TRUE(!mask.defined() || mask.equal(expected)) << w;
  }
}

TEST(LatLonWindows, WindowsOfOneRowShareABiasType) {
  const auto types = latlon_windows(kCases[0].spec)->lists().bias_type;
  EXPECT_EQ(types.max().item<int64_t>(), 27);  // 4 stack windows x 7 rows of windows
  EXPECT_EQ(types[0].item<int64_t>(), types[6].item<int64_t>());
  EXPECT_EQ(types[7].item<int64_t>(), 1);
  EXPECT_EQ(types[49].item<int64_t>(), 7);
}

TEST(LatLonChildren, AreBlocksInRowMajorOrder) {
  const auto map = latlon_children(4, 6, 2, 2, {});
  EXPECT_EQ(values(map->children()[0]), (std::vector<int64_t>{0, 1, 6, 7}));
  EXPECT_EQ(values(map->children()[4]), (std::vector<int64_t>{14, 15, 20, 21}));
  const auto x = torch::rand({2, 3, 24, 5});
  EXPECT_EQ(map->gather(x, 2).sizes(), x.sizes());
  EXPECT_TRUE(map->scatter(map->gather(x, 2), 2).equal(x));
}

TEST(LatLonChildren, PadsAreZeroChildren) {
  const auto map = latlon_children(3, 5, 2, 2, {0, 1, 0, 1});
  EXPECT_EQ(values(map->children()[2]), (std::vector<int64_t>{4, -1, 9, -1}));
  EXPECT_EQ(values(map->children()[5]), (std::vector<int64_t>{14, -1, -1, -1}));
  const auto x = torch::rand({2, 15}) + 1;
  const auto y = map->gather(x, -1);
  EXPECT_EQ(y.size(1), 24);
  EXPECT_EQ((y == 0).sum().item<int64_t>(), 2 * 9);
  EXPECT_TRUE(map->scatter(y, -1).equal(x));
}

std::string error_code(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.kind() + " " + e.code();
  }
  return "none";
}

TEST(LatLonWindows, NameWhatDoesNotFit) {
  LatLonWindowSpec s{8, 24, 32, 2, 8, 8, {}, PadTokens::Attend, LonMask::Periodic};
  EXPECT_EQ(error_code([&] { latlon_windows(s); }), "none");
  const auto with = [&](auto change) {
    auto other = s;
    change(other);
    return error_code([&] { latlon_windows(other); });
  };
  EXPECT_EQ(with([](auto& o) { o.window_rows = 7; }), "ShapeError BadWindow");
  EXPECT_EQ(with([](auto& o) { o.window_columns = 64; }), "ShapeError BadWindow");
  EXPECT_EQ(with([](auto& o) { o.window_stack = 3; }), "ShapeError BadWindow");
  EXPECT_EQ(with([](auto& o) { o.window_rows = 0; }), "ShapeError BadWindow");
  EXPECT_EQ(with([](auto& o) { o.pads = {0, 0, 4, 4}; }), "ShapeError BadPads");  // periodic with zonal pads
  EXPECT_EQ(with([](auto& o) { o.pads = {-8, 0, 0, 0}; }), "ShapeError BadPads");
  EXPECT_EQ(error_code([&] { shifted_latlon_windows(s, {1, 8, 4}); }), "ShapeError BadShift");
  EXPECT_EQ(error_code([&] { shifted_latlon_windows(s, {1, 4, -1}); }), "ShapeError BadShift");
  EXPECT_EQ(error_code([&] { shifted_latlon_windows(s, {2, 4, 4}); }), "ShapeError BadShift");
  EXPECT_EQ(error_code([] { latlon_children(3, 4, 2, 2, {}); }), "ShapeError BadWindow");
}

TEST(ChildMap, RefusesListsThatAreNoPermutation) {
  const auto map = [](std::vector<int64_t> children, int64_t fine) {
    return error_code([&] { ChildMap(torch::tensor(children, torch::kInt64).view({-1, 2}), fine); });
  };
  EXPECT_EQ(map({0, 1, 2, -1}, 3), "none");
  EXPECT_EQ(map({0, 1, 1, 2}, 3), "ShapeError BadChildMap");
  EXPECT_EQ(map({0, 1, 2, 3}, 3), "ShapeError BadChildMap");
  EXPECT_EQ(map({0, 1, -1, -1}, 3), "ShapeError BadChildMap");
  EXPECT_EQ(map({0, 1, -2, 2}, 3), "ShapeError BadChildMap");
  const ChildMap good(torch::tensor({0, 1, 2, -1}, torch::kInt64).view({2, 2}), 3);
  EXPECT_EQ(error_code([&] { good.gather(torch::zeros({2, 4}), 1); }), "ShapeError SizeMismatch");
  EXPECT_EQ(error_code([&] { good.scatter(torch::zeros({2, 3}), 1); }), "ShapeError SizeMismatch");
}

}  // namespace
}  // namespace pear::sphere
