// Links in any order -> rows in order.
#pragma once

#include <cstdint>
#include <vector>

#include "regrid/weights.h"

namespace pear::regrid {

struct Link {
  int64_t row;
  int64_t column;
  double value;
};

/// Fills row_start, column and value of `weights` from lists of links, one list after the other: columns ascending
/// within a row, repeated pairs added in list order (bitwise the same for any number of threads).
/// Errors: ShapeError `SizeMismatch` if a grid has more than 2^31 cells.
void assemble(Weights& weights, const std::vector<std::vector<Link>>& lists);

}  // namespace pear::regrid
