#include "forecast/train/slot_plan.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "forecast/train/data_axis.h"

namespace pear::forecast {
namespace {

TrainConfig config(int64_t slots, int64_t batch) {
  TrainConfig c;
  c.slots = slots;
  c.batch = batch;
  return c;
}

TEST(SlotPlan, OneProcessKeepsTheConfiguredMicroBatches) {
  const auto plan = plan_slots(config(3, 4), false, 0, 1);
  EXPECT_EQ(plan.slots, 3);
  EXPECT_EQ(plan.batch, 4);
  EXPECT_EQ(plan.first_slot, 0);
  EXPECT_EQ(plan.last_slot, 3);
}

TEST(SlotPlan, AReproducibleRunHasSlotsOfOneSampleForAnyNumberOfRanks) {
  for (const int64_t size : {1, 2, 3, 4, 6, 12})
    for (int64_t rank = 0; rank < size; ++rank) {
      const auto plan = plan_slots(config(3, 4), true, rank, size);
      EXPECT_EQ(plan.slots, 12);
      EXPECT_EQ(plan.batch, 1);
      EXPECT_EQ(plan.first_slot, rank * 12 / size);
      EXPECT_EQ(plan.last_slot, (rank + 1) * 12 / size);
    }
}

TEST(SlotPlan, SharesCutAMicroBatchOnlyWhereTheyMust) {
  EXPECT_EQ(plan_slots(config(4, 8), false, 1, 2).batch, 8);  // two whole slots each
  EXPECT_EQ(plan_slots(config(1, 8), false, 1, 2).batch, 4);
  const auto plan = plan_slots(config(3, 2), false, 1, 2);  // samples 0-2 and 3-5
  EXPECT_EQ(plan.batch, 1);
  EXPECT_EQ(plan.first_slot, 3);
  EXPECT_EQ(plan.last_slot, 6);
}

TEST(SlotPlan, RanksThatDoNotDivideTheBatchAreRefused) {
  try {
    plan_slots(config(1, 4), true, 0, 3);
    FAIL() << "no error";
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.code(), "BatchNotDivisible");
    for (const char* part : {"4 samples", "3 ranks", "train.batch"})
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

SlotSum leaf(double value) {
  return {torch::full({2}, value, torch::kFloat32), torch::full({1}, value, torch::kFloat64)};
}

TEST(SlotTree, CoverNamesTheSubtreesThatAddingLeaves) {
  for (int64_t first = 0; first < 9; ++first)
    for (int64_t last = first + 1; last < 18; ++last) {
      SlotTree tree;
      for (int64_t slot = first; slot < last; ++slot) tree.add(slot, leaf(1));
      const auto cover = SlotTree::cover(first, last);
      ASSERT_EQ(cover.size(), tree.subtrees().size()) << first << " " << last;
      for (size_t i = 0; i < cover.size(); ++i) {
        EXPECT_EQ(cover[i].level, tree.subtrees()[i].level);
        EXPECT_EQ(cover[i].index, tree.subtrees()[i].index);
      }
    }
}

TEST(SlotTree, TheRootHasTheSameBitsHoweverTheSlotsAreShared) {
  // Values whose float sum depends on the order of addition.
  const std::vector<double> values{1e8, 1.25, -1e8, 3.7e-3, 5.5e6, -2.1, 7e-5, 9.9e7, 0.3, -4.4e5, 17.0, 1e-3};
  const auto num_slots = static_cast<int64_t>(values.size());
  std::vector<torch::Tensor> roots;
  for (const int64_t ranks : {1, 2, 3, 4, 6, 12}) {
    std::vector<Subtree> all;
    for (int64_t r = 0; r < ranks; ++r) {
      SlotTree tree;
      for (int64_t s = r * num_slots / ranks; s < (r + 1) * num_slots / ranks; ++s)
        tree.add(s, leaf(values[static_cast<size_t>(s)]));
      all.insert(all.end(), tree.subtrees().begin(), tree.subtrees().end());
    }
    roots.push_back(SlotTree::root(all, num_slots).gradient);
  }
  for (const auto& root : roots) EXPECT_TRUE(torch::equal(root, roots.front()));
}

}  // namespace
}  // namespace pear::forecast
