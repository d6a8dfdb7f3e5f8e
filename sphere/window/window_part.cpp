#include "sphere/window/window_part.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace pear::sphere {
namespace {

void check_parts(int64_t windows, int64_t num_parts, int64_t part) {
  if (num_parts >= 1 && windows % num_parts == 0 && part >= 0 && part < num_parts) return;
  std::vector<int64_t> allowed;
  for (int64_t d = 1; d <= windows; ++d)
    if (windows % d == 0) allowed.push_back(d);
  throw ShapeError("BadParts", "sphere.window",
                   {.what = fmt::format("part {} of {} of {} windows", part, num_parts, windows),
                    .expected = fmt::format("one of {} parts", fmt::join(allowed, ", "))});
}

}  // namespace

ExchangePlan exchange_plan_of(const WindowPartition& whole, int64_t num_parts, int64_t part) {
  const auto source = whole.lists().pixel_source.flatten().contiguous();
  const auto* first = source.const_data_ptr<int64_t>();
  return exchange_plan({first, first + source.numel()}, num_parts, part);
}

PartitionPtr part_of(const PartitionPtr& whole, int64_t num_parts, int64_t part, const ExchangeFactory& make_exchange) {
  const auto& from = whole->lists();
  const int64_t windows = from.pixel_source.size(0), share = windows / std::max<int64_t>(num_parts, 1);
  check_parts(windows, num_parts, part);
  const auto own = [&](const torch::Tensor& rows) {
    return rows.defined() ? rows.narrow(0, part * share, share).contiguous() : rows;
  };
  WindowPartition::Lists lists = from;
  lists.num_pixels = from.num_pixels / num_parts;
  lists.pixel_source = torch::arange(lists.num_pixels, torch::kInt64).view({share, -1});
  lists.pixel_label = own(from.pixel_label);
  if (from.bias_type.defined())
    lists.bias_type = from.bias_type.view({-1, windows}).narrow(1, part * share, share).flatten().contiguous();
  const bool is_shifted = !from.pixel_source.flatten().equal(torch::arange(from.num_pixels, torch::kInt64));
  if (is_shifted) lists.exchange = make_exchange(exchange_plan_of(*whole, num_parts, part));
  return std::make_shared<const WindowPartition>(std::move(lists));
}

}  // namespace pear::sphere
