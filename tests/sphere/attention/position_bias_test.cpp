#include "sphere/attention/position_bias.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/sphere/window/checksum.h"

namespace pear::sphere {
namespace {

using testing::c2;
using testing::values;

BiasShape flat(int64_t tokens) { return {.kind = BiasKind::Flat, .heads = 3, .window_tokens = tokens}; }

BiasShape earth(int64_t types = 1) {
  return {.kind = BiasKind::EarthSpecific,
          .heads = 2,
          .window_tokens = 144,
          .num_types = types,
          .w_z = 2,
          .w_lat = 6,
          .w_lon = 12};
}

int64_t at(const torch::Tensor& index, int64_t i, int64_t j) { return index[i][j].item<int64_t>(); }

TEST(PositionBiasIndex, FlatOnFourByFourTokensIsTheRecordedOne) {
  const auto index = bias_index(flat(16));
  const int64_t row[] = {24, 25, 17, 18, 26, 27};
  for (int64_t j = 0; j < 6; ++j) EXPECT_EQ(at(index, 0, j), row[j]) << j;
  EXPECT_EQ(at(index, 1, 0), 23);
  EXPECT_EQ(at(index, 2, 0), 31);
  EXPECT_EQ(at(index, 15, 0), 42);
  EXPECT_EQ(index.sum().item<int64_t>(), 6144);
  EXPECT_EQ(c2(values(index)), 163871424);
  EXPECT_EQ(bias_table_length(flat(16)), 49);
}

TEST(PositionBiasIndex, FlatOnEightByEightTokensIsTheRecordedOne) {
  const auto index = bias_index(flat(64));
  const int64_t row[] = {112, 113, 97, 98, 114, 115};
  for (int64_t j = 0; j < 6; ++j) EXPECT_EQ(at(index, 0, j), row[j]) << j;
  EXPECT_EQ(at(index, 63, 0), 210);
  EXPECT_EQ(at(index, 0, 63), 14);
  EXPECT_EQ(index.sum().item<int64_t>(), 458752);
  EXPECT_EQ(c2(values(index)), 1800838);
  EXPECT_EQ(bias_table_length(flat(64)), 225);
}

TEST(PositionBiasIndex, EarthSpecificIsTheRecordedOneAndUsesEveryEntry) {
  const auto index = bias_index(earth());
  EXPECT_EQ(bias_table_length(earth()), 3312);
  EXPECT_EQ(at(index, 0, 0), 11);
  EXPECT_EQ(at(index, 0, 1), 10);
  EXPECT_EQ(at(index, 1, 0), 12);
  EXPECT_EQ(at(index, 12, 0), 34);
  EXPECT_EQ(at(index, 0, 12), 149);
  EXPECT_EQ(at(index, 72, 0), 839);
  EXPECT_EQ(at(index, 0, 72), 1667);
  EXPECT_EQ(at(index, 143, 143), 3300);
  EXPECT_EQ(index.sum().item<int64_t>(), 34328448);
  EXPECT_EQ(c2(values(index)), 278038723);
  EXPECT_EQ(torch::bincount(index.flatten(), {}, 3312).min().item<int64_t>() > 0, true);
  EXPECT_EQ(index.max().item<int64_t>(), 3311);
}

TEST(PositionBias, NoneHasNoParameterAndNoValue) {
  const PositionBias bias(BiasShape{.kind = BiasKind::None, .heads = 2, .window_tokens = 16});
  EXPECT_TRUE(bias->parameters().empty());
  EXPECT_FALSE(bias->forward().defined());
}

TEST(PositionBias, SingleIsAFreeMatrixPerHeadInRowMajorOrder) {
  PositionBias bias(BiasShape{.kind = BiasKind::Single, .heads = 2, .window_tokens = 4});
  EXPECT_EQ(bias->table.sizes(), (torch::IntArrayRef{1, 2, 16}));
  const auto b = bias->forward();
  EXPECT_EQ(b.sizes(), (torch::IntArrayRef{1, 2, 4, 4}));
  EXPECT_EQ(b[0][1][2][3].item<float>(), bias->table[0][1][11].item<float>());
}

TEST(PositionBias, FlatStartsAtZeroAndTheOthersSmallButNotZero) {
  EXPECT_EQ(PositionBias(flat(16))->table.abs().max().item<float>(), 0);
  const auto table = PositionBias(earth(3))->table;
  EXPECT_EQ(table.sizes(), (torch::IntArrayRef{3, 2, 3312}));
  EXPECT_NEAR(table.std().item<double>(), 0.02, 0.001);
}

TEST(PositionBias, EveryTypeReadsItsOwnTable) {
  PositionBias bias(earth(3));
  const auto b = bias->forward();
  EXPECT_EQ(b.sizes(), (torch::IntArrayRef{3, 2, 144, 144}));
  for (int64_t type = 0; type < 3; ++type)
    EXPECT_EQ(b[type][1][0][72].item<float>(), bias->table[type][1][1667].item<float>()) << type;
}

TEST(PositionBias, RefusesWindowsThatDoNotFitTheKind) {
  EXPECT_THROW(PositionBias(flat(8)), ShapeError);
  auto shape = earth();
  shape.window_tokens = 128;
  EXPECT_THROW(PositionBias{shape}, ShapeError);
}

}  // namespace
}  // namespace pear::sphere
