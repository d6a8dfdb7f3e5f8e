// Link lists of methods that look at cell centres only: bilinear and nearest.
#pragma once

#include <vector>

#include "regrid/csr.h"

namespace pear::regrid {

/// Rows: linear in longitude on the row above and below (always wrapped around the globe), linear in colatitude between
/// them; beyond the last row of a grid without pole rows a virtual pole, the mean of that row. HEALPix: four points.
/// Outside a regional source a target has no links.
std::vector<std::vector<Link>> bilinear_links(const sphere::Grid& source, const sphere::Grid& target);

/// Rows: rounding per axis, ties to the lowest index; HEALPix: the pixel that holds the centre.
std::vector<std::vector<Link>> nearest_links(const sphere::Grid& source, const sphere::Grid& target);

}  // namespace pear::regrid
