// The part of every sample that one process of a domain-parallel run holds.
#pragma once

#include <cstdint>

#include "sphere/window/window_part.h"

namespace pear::forecast {

/// Part `part` of `num_parts` equal contiguous ranges of cells in nested order; the default is the whole.
struct DomainPart {
  int64_t part = 0, num_parts = 1;
  sphere::ExchangeFactory make_exchange;  ///< what moves tokens between the parts; not needed for one part

  int64_t count_of(int64_t all) const { return all / num_parts; }
  int64_t first_of(int64_t all) const { return part * count_of(all); }
};

}  // namespace pear::forecast
