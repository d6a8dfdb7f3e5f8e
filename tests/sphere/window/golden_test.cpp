// Shifts and masks recorded from the authors' PyTorch programs (PEAR-Weather 32e2f6c, HEAL-SWIN b88af4c).
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "sphere/window/grid_shift.h"
#include "sphere/window/nested_windows.h"
#include "sphere/window/ring_shift.h"
#include "tests/sphere/window/checksum.h"

namespace pear::sphere {
namespace {

using List = std::vector<int64_t>;
using testing::c1;
using testing::values;

constexpr int64_t kPearStack = 8;

class RecordedShifts : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* root = std::getenv("PEAR_TEST_DATA");
    std::ifstream file(std::string(root ? root : ".") + "/golden/shifts_masks.json");
    if (!file) GTEST_SKIP() << "file golden/shifts_masks.json absent";
    recorded_ = nlohmann::json::parse(file);
  }

  nlohmann::json recorded_;
};

struct Masks {
  List windows;
  int64_t pairs = 0, checksum = 0;
};

/// Checksum: sum of the flat indices of blocked pairs in [W, N, N].
Masks masks_of(const WindowPartition& partition) {
  Masks m;
  const int64_t size = partition.window_tokens() * partition.window_tokens();
  for (int64_t w = 0; w < partition.num_windows(); ++w) {
    const auto mask = partition.mask_of(w);
    if (!mask.defined()) continue;
    m.windows.push_back(w);
    const auto at = mask.flatten().nonzero().flatten();
    m.pairs += at.numel();
    m.checksum = testing::modulo(m.checksum + (at + w * size).sum().item<int64_t>());
  }
  return m;
}

void expect_equal(const WindowPartition& partition, const PixelShift& shift, const nlohmann::json& want,
                  const std::string& name) {
  const auto first = want.at("shift_idx_first16").get<List>();
  EXPECT_EQ(List(shift.source.begin(), shift.source.begin() + 16), first) << name;
  EXPECT_EQ(c1(shift.source), want.at("shift_idx_checksum").get<int64_t>()) << name;
  const auto masks = masks_of(partition);
  EXPECT_EQ(static_cast<int64_t>(masks.windows.size()), want.at("n_masked_windows").get<int64_t>()) << name;
  EXPECT_EQ(masks.pairs, want.at("n_masked_pairs").get<int64_t>()) << name;
  EXPECT_EQ(masks.checksum, want.at("mask_checksum").get<int64_t>()) << name;
  if (!want.at("masked_windows").is_null()) EXPECT_EQ(masks.windows, want.at("masked_windows").get<List>()) << name;
}

TEST_F(RecordedShifts, PearEqualsThePublishedProgram) {
  ASSERT_EQ(recorded_.at("pear").size(), 6u);
  for (const auto& [name, want] : recorded_.at("pear").items()) {
    const auto nside = want.at("nside").get<int64_t>(), shift = want.at("shift").get<int64_t>();
    const auto window = want.at("window").get<List>();
    const auto map = spiral_shift(nside, 12, window[1], shift, RingMask::Published);
    const NestedWindowSpec spec{nside, 12, kPearStack, window[0], window[1]};
    const auto partition = shifted_nested_windows(spec, map);
    expect_equal(*partition, map, want, name);
    const auto inverse = testing::inverse(map.source);
    EXPECT_EQ(List(inverse.begin(), inverse.begin() + 16), want.at("inverse_first16").get<List>()) << name;
    EXPECT_EQ(static_cast<int64_t>(partition->groups().size()), want.at("n_distinct_masks").get<int64_t>()) << name;
  }
}

TEST_F(RecordedShifts, HealSwinEqualsThePublishedProgram) {
  for (const auto& [name, want] : recorded_.at("healswin_8faces").items()) {
    const bool ring = name.starts_with("ring");
    const auto number_after = [&name = name](const std::string& tag) {
      return std::stoll(name.substr(name.find(tag) + tag.size()));
    };
    const int64_t nside = number_after("_ns"), window = number_after("_w");
    const auto map =
        ring ? spiral_shift(nside, 8, window, -std::stoll(name.substr(name.rfind("_s") + 2)), RingMask::Published)
             : grid_shift(nside, 8, window, HoleFill::Ascending);
    const auto partition = shifted_nested_windows({nside, 8, 1, 1, window}, map);
    expect_equal(*partition, map, want, name);
    // The names of the regions of the grid shift are free: its mask above is what counts.
    if (!ring) continue;
    EXPECT_EQ(c1(List(map.label.begin(), map.label.end())), want.at("label_checksum").get<int64_t>()) << name;
  }
}

}  // namespace
}  // namespace pear::sphere
