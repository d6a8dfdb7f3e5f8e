#include "sphere/window/exchange_plan.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"

namespace pear::sphere {
namespace {

constexpr const char* kWhere = "sphere.exchange";

void check(const std::vector<int64_t>& source, int64_t num_parts, int64_t part) {
  const auto places = static_cast<int64_t>(source.size());
  if (num_parts < 1 || places % num_parts != 0 || part < 0 || part >= num_parts)
    throw ShapeError("BadParts", kWhere,
                     {.what = fmt::format("part {} of {}", part, num_parts),
                      .expected = fmt::format("a number of parts that divides the {} tokens", places)});
  std::vector<bool> is_read(source.size(), false);
  for (const int64_t s : source) {
    const bool fits = s >= 0 && s < places && !is_read[static_cast<size_t>(s)];
    if (!fits)
      throw ShapeError("BadExchange", kWhere,
                       {.what = fmt::format("source {}", s), .expected = "every token to be read once"});
    is_read[static_cast<size_t>(s)] = true;
  }
}

}  // namespace

ExchangePlan ExchangePlan::inverse() const {
  ExchangePlan back = *this;
  std::swap(back.send, back.receive);
  return back;
}

int64_t ExchangePlan::num_sent() const {
  int64_t sum = 0;
  for (size_t p = 0; p < send.size(); ++p)
    if (static_cast<int64_t>(p) != part) sum += static_cast<int64_t>(send[p].size());
  return sum;
}

int64_t ExchangePlan::num_partners() const {
  int64_t sum = 0;
  for (size_t p = 0; p < receive.size(); ++p) sum += static_cast<int64_t>(p) != part && !receive[p].empty() ? 1 : 0;
  return sum;
}

ExchangePlan exchange_plan(const std::vector<int64_t>& source, int64_t num_parts, int64_t part) {
  check(source, num_parts, part);
  const auto places = static_cast<int64_t>(source.size());
  ExchangePlan plan{.part = part, .num_parts = num_parts, .num_tokens = places / num_parts};
  plan.send.resize(static_cast<size_t>(num_parts));
  plan.receive.resize(static_cast<size_t>(num_parts));
  for (int64_t i = 0; i < places; ++i) {
    const int64_t from = source[static_cast<size_t>(i)];
    const int64_t giver = from / plan.num_tokens, taker = i / plan.num_tokens;
    if (giver == part) plan.send[static_cast<size_t>(taker)].push_back(from % plan.num_tokens);
    if (taker == part) plan.receive[static_cast<size_t>(giver)].push_back(i % plan.num_tokens);
  }
  return plan;
}

}  // namespace pear::sphere
