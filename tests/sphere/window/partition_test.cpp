// Windows, masks and the checks of WindowPartition.
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "sphere/window/nested_windows.h"
#include "sphere/window/ring_shift.h"
#include "sphere/window/window_partition.h"

namespace pear::sphere {
namespace {

struct MaskCount {
  int64_t windows = 0, pairs = 0, distinct = 0;
};

MaskCount count_masks(const WindowPartition& partition) {
  MaskCount n;
  for (int64_t w = 0; w < partition.num_windows(); ++w)
    if (const auto mask = partition.mask_of(w); mask.defined()) {
      ++n.windows;
      n.pairs += mask.sum().item<int64_t>();
    }
  n.distinct = static_cast<int64_t>(partition.groups().size());  // the empty mask is one of them
  return n;
}

TEST(WindowPartition, CountsMaskedWindowsPairsAndDistinctMasksOfPear) {
  const auto fine = partition_from_spec("nested:n16:2x64:spiral+4:published", 8);
  EXPECT_EQ(fine->num_windows(), 192);
  EXPECT_EQ(fine->window_tokens(), 128);
  auto n = count_masks(*fine);
  EXPECT_EQ(n.windows, 60);
  EXPECT_EQ(n.pairs, 480576);
  EXPECT_EQ(n.distinct, 6);
  n = count_masks(*partition_from_spec("nested:n16:2x64:spiral+4:wrap_only", 8));
  EXPECT_EQ(n.windows, 60);
  EXPECT_EQ(n.pairs, 400272);
  EXPECT_EQ(n.distinct, 4);
  n = count_masks(*partition_from_spec("nested:n8:2x64:spiral+4:published", 8));
  EXPECT_EQ(n.windows, 24);
  EXPECT_EQ(n.pairs, 185664);
  EXPECT_EQ(n.distinct, 6);
  n = count_masks(*partition_from_spec("nested:n8:2x64:spiral+4:wrap_only", 8));
  EXPECT_EQ(n.windows, 24);
  EXPECT_EQ(n.pairs, 105360);
  EXPECT_EQ(n.distinct, 4);
}

TEST(WindowPartition, GroupsHoldEveryWindowOnceWithItsOwnMask) {
  const auto partition = partition_from_spec("nested:n8:2x16:spiral+2:published", 6);
  std::vector<int> seen(static_cast<size_t>(partition->num_windows()), 0);
  int64_t next = 0;
  for (const auto& group : partition->groups()) {
    EXPECT_EQ(group.first, next);
    next += group.count;
    for (int64_t i = group.first; i < next; ++i) {
      const int64_t w = partition->window_order()[static_cast<size_t>(i)];
      ++seen[static_cast<size_t>(w)];
      const auto mask = partition->mask_of(w);
      ASSERT_EQ(mask.defined(), group.mask.defined());
      if (mask.defined()) {
        EXPECT_TRUE(mask.equal(group.mask));
        EXPECT_TRUE(mask.equal(mask.t()));
        EXPECT_FALSE(mask.diagonal().any().item<bool>());
      }
    }
  }
  EXPECT_EQ(next, partition->num_windows());
  EXPECT_EQ(seen, std::vector<int>(seen.size(), 1));
}

TEST(WindowPartition, GatherFollowsTheIndexRule) {
  const auto partition = partition_from_spec("nested:n4:2x16:spiral+2:published", 6);
  const auto& lists = partition->lists();
  const int64_t pixels = lists.num_pixels;
  const auto x = torch::arange(2 * 6 * pixels, torch::kInt64).view({2, 6, pixels, 1});
  const auto windows = partition->gather(x);
  const int64_t w_p = lists.pixel_source.size(0), n_p = lists.pixel_source.size(1);
  const auto pixel = lists.pixel_source.accessor<int64_t, 2>(), stack = lists.stack_source.accessor<int64_t, 2>();
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t k = 0; k < partition->num_windows(); ++k)
      for (int64_t i = 0; i < partition->window_tokens(); ++i) {
        const int64_t w = partition->window_order()[static_cast<size_t>(k)];
        const int64_t z = stack[w / w_p][i / n_p], p = pixel[w % w_p][i % n_p];
        ASSERT_EQ(windows[b][k][i][0].item<int64_t>(), (b * 6 + z) * pixels + p);
      }
}

TEST(WindowPartition, StackShiftIsPositiveAndMarksTheLastSlots) {
  const auto partition = partition_from_spec("nested:n4:2x16:spiral+2:published", 8);
  const auto& lists = partition->lists();
  EXPECT_TRUE(lists.stack_source.flatten().equal(torch::tensor({1, 2, 3, 4, 5, 6, 7, 0}, torch::kInt64)));
  EXPECT_TRUE(lists.stack_label.flatten().equal(torch::tensor({0, 0, 0, 0, 0, 0, 0, 1}, torch::kInt32)));
  const auto single = partition_from_spec("nested:n4:2x16:spiral+2:published", 2);
  EXPECT_TRUE(single->lists().stack_source.flatten().equal(torch::tensor({0, 1}, torch::kInt64)));
  EXPECT_FALSE(single->lists().stack_label.defined());
}

TEST(WindowPartition, ZeroTokensAreReadAsZerosAndDropped) {
  WindowPartition::Lists lists;
  lists.num_stack = 1;
  lists.num_pixels = 3;
  lists.pixel_source = torch::tensor({2, -1, 0, 1}, torch::kInt64).view({2, 2});
  lists.stack_source = torch::zeros({1, 1}, torch::kInt64);
  const WindowPartition partition(lists);
  const auto x = torch::rand({2, 1, 3, 5}) + 1;
  const auto windows = partition.gather(x);
  EXPECT_EQ(windows.sizes(), (torch::IntArrayRef{2, 2, 2, 5}));
  EXPECT_EQ(windows.select(1, 0).select(1, 1).abs().max().item<float>(), 0);
  EXPECT_TRUE(partition.scatter(windows).equal(x));
}

std::string error_code(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.kind() + " " + e.code();
  }
  return "none";
}

WindowPartition::Lists tiny_lists(std::vector<int64_t> pixels) {
  WindowPartition::Lists lists;
  lists.num_pixels = 4;
  lists.pixel_source = torch::tensor(pixels, torch::kInt64).view({2, -1});
  lists.stack_source = torch::zeros({1, 1}, torch::kInt64);
  return lists;
}

TEST(WindowPartition, RefusesListsThatAreNoPermutation) {
  EXPECT_EQ(error_code([] { WindowPartition(tiny_lists({0, 1, 2, 3})); }), "none");
  EXPECT_EQ(error_code([] { WindowPartition(tiny_lists({0, 1, 2, 2})); }), "ShapeError BadPartition");
  EXPECT_EQ(error_code([] { WindowPartition(tiny_lists({0, 1, 2, 4})); }), "ShapeError BadPartition");
  EXPECT_EQ(error_code([] { WindowPartition(tiny_lists({0, 1, 2, -2})); }), "ShapeError BadPartition");
  EXPECT_EQ(error_code([] { WindowPartition(tiny_lists({0, 1, 2, -1})); }), "ShapeError BadPartition");
  auto labels = tiny_lists({0, 1, 2, 3});
  labels.pixel_label = torch::zeros({2, 3}, torch::kInt32);
  EXPECT_EQ(error_code([&] { WindowPartition{labels}; }), "ShapeError BadPartition");
}

TEST(WindowPartition, RefusesTensorsOfOtherExtents) {
  const auto partition = partition_from_spec("nested:n4:2x16", 4);
  EXPECT_EQ(error_code([&] { partition->gather(torch::zeros({1, 4, 191, 2})); }), "ShapeError SizeMismatch");
  EXPECT_EQ(error_code([&] { partition->gather(torch::zeros({1, 3, 192, 2})); }), "ShapeError SizeMismatch");
  EXPECT_EQ(error_code([&] { partition->gather(torch::zeros({4, 192, 2})); }), "ShapeError SizeMismatch");
}

TEST(PartitionSpec, NamesWhatItDoesNotAccept) {
  EXPECT_EQ(error_code([] { partition_from_spec("nested:n4:2x8", 4); }), "ShapeError BadWindow");    // no power of 4
  EXPECT_EQ(error_code([] { partition_from_spec("nested:n2:2x256", 4); }), "ShapeError BadWindow");  // > 48 tokens
  EXPECT_EQ(error_code([] { partition_from_spec("nested:n4:3x16", 4); }), "ShapeError BadWindow");   // 4 slots by 3
  EXPECT_EQ(error_code([] { partition_from_spec("nested:n4:2x16:spiral+16", 4); }), "ShapeError BadShift");
  EXPECT_EQ(error_code([] { partition_from_spec("nested:n4:2x16:twist+2", 4); }), "ConfigError UnknownPartition");
  EXPECT_EQ(error_code([] { partition_from_spec("square:4", 4); }), "ConfigError UnknownPartition");
}

}  // namespace
}  // namespace pear::sphere
