// Link lists of first-order conservative regridding.
#pragma once

#include <vector>

#include "regrid/csr.h"

namespace pear::regrid {

/// Overlap areas divided by target areas, one list per row of the row-based grid (or one list).
/// Errors: as make_weights.
std::vector<std::vector<Link>> conservative_links(const sphere::Grid& source, const sphere::Grid& target);

}  // namespace pear::regrid
