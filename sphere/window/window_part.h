// The windows that one part of a sphere holds.
#pragma once

#include <functional>
#include <memory>

#include "sphere/window/exchange_plan.h"
#include "sphere/window/window_partition.h"

namespace pear::sphere {

/// Makes the executor of a plan.
using ExchangeFactory = std::function<std::shared_ptr<const TokenExchange>(const ExchangePlan&)>;

/// Windows [part W_p / num_parts, (part + 1) W_p / num_parts) of a partition, for the tokens [part P / num_parts, …).
///
/// The result reads its own tokens in order; where the partition is shifted it carries the exchange that brings them
/// there, labels and masks are those of the same windows of the whole.
/// Errors:  ShapeError `BadParts` listing the numbers of parts that divide the windows; those of exchange_plan (zero
///          tokens cannot be owned).
PartitionPtr part_of(const PartitionPtr& whole, int64_t num_parts, int64_t part, const ExchangeFactory& make_exchange);

/// The plan of the pixel part of a partition. Errors:  as exchange_plan.
ExchangePlan exchange_plan_of(const WindowPartition& whole, int64_t num_parts, int64_t part);

}  // namespace pear::sphere
