// Which tokens change their owner: counts of the design page, and exchanges carried out between parts in one process.
#include "sphere/window/exchange_plan.h"

#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "sphere/window/grid_shift.h"
#include "sphere/window/nested_windows.h"
#include "sphere/window/ring_shift.h"
#include "sphere/window/window_part.h"
#include "tests/support/caught.h"

namespace pear::sphere {
namespace {

using List = std::vector<int64_t>;
using pear::testing::caught;

List published(int64_t nside) { return spiral_shift(nside, 12, 64, 4, RingMask::Published).source; }

std::vector<ExchangePlan> plans_of(const List& source, int64_t num_parts) {
  std::vector<ExchangePlan> plans;
  for (int64_t p = 0; p < num_parts; ++p) plans.push_back(exchange_plan(source, num_parts, p));
  return plans;
}

/// What the parts hold after an exchange, one behind the other, if part p holds the range p of `values` before.
List exchanged(const std::vector<ExchangePlan>& plans, const List& values) {
  List after(values.size(), -1);
  for (const auto& to : plans)
    for (size_t q = 0; q < plans.size(); ++q) {
      const auto& sent = plans[q].send[static_cast<size_t>(to.part)];
      EXPECT_EQ(sent.size(), to.receive[q].size());
      for (size_t k = 0; k < sent.size(); ++k)
        after[static_cast<size_t>(to.part * to.num_tokens + to.receive[q][k])] =
            values[static_cast<size_t>(plans[q].part * to.num_tokens + sent[k])];
    }
  return after;
}

struct Row {
  int64_t num_parts, moved, fewest_partners, most_partners;
};

/// Counted from the definition of the shift (design page training-and-distribution, section 4).
void expect_rows(int64_t nside, const std::vector<Row>& rows) {
  for (const auto& row : rows) {
    int64_t moved = 0;
    List partners;
    for (const auto& plan : plans_of(published(nside), row.num_parts)) {
      moved += plan.num_sent();
      partners.push_back(plan.num_partners());
    }
    EXPECT_EQ(moved, row.moved) << row.num_parts;
    EXPECT_EQ(*std::min_element(partners.begin(), partners.end()), row.fewest_partners) << row.num_parts;
    EXPECT_EQ(*std::max_element(partners.begin(), partners.end()), row.most_partners) << row.num_parts;
  }
}

TEST(ExchangePlan, MovesAsManyTokensAsTheDesignPageCountsAtTokenNside16) {
  expect_rows(16, {{2, 420, 1, 1}, {3, 772, 1, 2}, {4, 1004, 2, 3}, {6, 1068, 3, 4}, {12, 1342, 3, 5}});
}

TEST(ExchangePlan, MovesAsManyTokensAsTheDesignPageCountsAtTokenNside8) {
  expect_rows(8, {{2, 164, 1, 1}, {3, 260, 1, 2}, {4, 396, 2, 3}, {6, 428, 3, 4}, {12, 574, 3, 5}});
}

TEST(ExchangePlan, EveryShiftArrivesWhereItsSourceListSaysAndComesBack) {
  const std::vector<List> sources{published(8),
                                  spiral_shift(8, 12, 64, 4, RingMask::WrapOnly).source,
                                  spiral_shift(8, 12, 64, -4, RingMask::WrapOnly).source,
                                  per_ring_shift(8, 4).source,
                                  grid_shift(8, 12, 64, HoleFill::Orbit).source,
                                  nest_roll(8, 12, 64, 7).source};
  List values(768);
  std::iota(values.begin(), values.end(), 0);
  std::shuffle(values.begin(), values.end(), std::mt19937(5));
  for (const auto& source : sources)
    for (const int64_t parts : {1, 2, 3, 4, 6, 12}) {
      auto plans = plans_of(source, parts);
      const List there = exchanged(plans, values);
      for (size_t i = 0; i < source.size(); ++i) ASSERT_EQ(there[i], values[static_cast<size_t>(source[i])]);
      for (auto& plan : plans) plan = plan.inverse();
      EXPECT_EQ(exchanged(plans, there), values);
    }
}

TEST(ExchangePlan, OnePartSendsNothing) {
  const auto plan = exchange_plan(published(8), 1, 0);
  EXPECT_EQ(plan.num_sent(), 0);
  EXPECT_EQ(plan.num_partners(), 0);
  EXPECT_EQ(plan.num_tokens, 768);
}

TEST(ExchangePlan, RefusesPartsThatDoNotDivideAndListsThatAreNoPermutation) {
  const auto code = [](const List& source, int64_t parts, int64_t part) {
    return pear::testing::code_of_error([&] { exchange_plan(source, parts, part); });
  };
  EXPECT_EQ(code({0, 1, 2, 3}, 3, 0), "ShapeError BadParts");
  EXPECT_EQ(code({0, 1, 2, 3}, 2, 2), "ShapeError BadParts");
  EXPECT_EQ(code({0, 1, 1, 3}, 2, 0), "ShapeError BadExchange");
  EXPECT_EQ(code({0, 1, -1, 3}, 2, 0), "ShapeError BadExchange");
}

/// Stands for an executor.
struct NoExchange : TokenExchange {
  torch::Tensor shift(const torch::Tensor& x) const override { return x; }
  torch::Tensor unshift(const torch::Tensor& x) const override { return x; }
};

PartitionPtr part_of_spec(const std::string& spec, int64_t parts, int64_t part) {
  return part_of(partition_from_spec(spec, 8), parts, part,
                 [](const ExchangePlan&) { return std::make_shared<NoExchange>(); });
}

TEST(WindowPart, HoldsTheWindowsOfTheWholeWithTheirMasks) {
  for (const std::string spec : {"nested:n8:2x64:spiral+4:published", "nested:n8:2x64:spiral+4:wrap_only"}) {
    const auto whole = partition_from_spec(spec, 8);
    for (const int64_t parts : {2, 3, 4, 12}) {
      const int64_t share = 12 / parts;
      for (int64_t p = 0; p < parts; ++p) {
        const auto own = part_of_spec(spec, parts, p);
        ASSERT_EQ(own->num_windows(), whole->num_windows() / parts);
        EXPECT_EQ(own->lists().num_pixels, 768 / parts);
        EXPECT_TRUE(own->lists().exchange);
        EXPECT_TRUE(own->lists().stack_source.equal(whole->lists().stack_source));
        for (int64_t w = 0; w < own->num_windows(); ++w) {
          const auto mine = own->mask_of(w), theirs = whole->mask_of(w / share * 12 + p * share + w % share);
          ASSERT_EQ(mine.defined(), theirs.defined());
          EXPECT_TRUE(!mine.defined() || mine.equal(theirs));
        }
      }
    }
  }
}

TEST(WindowPart, GathersFromExchangedTokensWhatTheWholeGathersFromItsOwn) {
  const std::string spec = "nested:n8:2x64:per_ring+4";
  const auto whole = partition_from_spec(spec, 8);
  const auto x = torch::arange(8 * 768, torch::kFloat64).view({1, 8, 768, 1});
  const auto moved = x.index_select(2, whole->lists().pixel_source.flatten());
  std::vector<torch::Tensor> parts;
  for (int64_t p = 0; p < 3; ++p) {
    const auto own = part_of_spec(spec, 3, p);
    EXPECT_TRUE(own->scatter(own->gather(x.narrow(2, 0, 256))).equal(x.narrow(2, 0, 256)));
    const auto by_window = own->gather(moved.narrow(2, p * 256, 256));
    auto published_order = torch::empty_like(by_window);
    for (size_t i = 0; i < own->window_order().size(); ++i)
      published_order.select(1, own->window_order()[i]).copy_(by_window.select(1, static_cast<int64_t>(i)));
    parts.push_back(published_order.view({4, 4, 128}));
  }
  const auto windows = whole->gather(x);
  auto expected = torch::empty_like(windows);
  for (size_t i = 0; i < whole->window_order().size(); ++i)
    expected.select(1, whole->window_order()[i]).copy_(windows.select(1, static_cast<int64_t>(i)));
  EXPECT_TRUE(at::cat(parts, 1).equal(expected.view({4, 12, 128})));
}

TEST(WindowPart, UnshiftedWindowsNeedNoExchange) {
  const auto own = part_of_spec("nested:n8:2x64", 4, 1);
  EXPECT_FALSE(own->lists().exchange);
  EXPECT_EQ(own->groups().size(), 1U);
}

TEST(WindowPart, RefusesOtherNumbersOfPartsAndListsTheFitting) {
  const auto e = caught([] { part_of_spec("nested:n8:2x64", 5, 0); });
  EXPECT_EQ(e.code(), "BadParts");
  EXPECT_NE(std::string(e.what()).find("1, 2, 3, 4, 6, 12"), std::string::npos) << e.what();
}

}  // namespace
}  // namespace pear::sphere
