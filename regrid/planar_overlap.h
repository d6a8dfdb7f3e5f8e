// Exact overlaps of row-based cells with HEALPix pixels, in the plane where both are polygons.
#pragma once

#include <cstdint>
#include <vector>

#include "regrid/row_grid.h"
#include "sphere/grid/grid.h"

namespace pear::regrid {

/// One pixel-cell overlap; `area` in units of a pixel's area.
struct Overlap {
  int64_t pixel;
  int64_t cell;
  double area;
};

/// All overlaps of the cells of one row, cells ascending; a cell cut at a border may name a pixel twice.
///
/// In the HEALPix plane (a, b) pixels are unit squares, parallels and meridians are straight, and the map is
/// equal-area: da db = (3 nside^2 / pi) dOmega. A cell cut at |z| = 2/3 and, in the caps, at quarter meridians is a
/// convex quadrilateral, so its overlap with a pixel is a polygon clipped to a square: no tolerance, no search.
///
/// Source:  Gorski et al. 2005 (projection); regrid design section 3.
/// Cost:    O(overlaps).
std::vector<Overlap> row_overlaps(const RowGrid& rows, int64_t row, const sphere::HealpixGrid& pixels);

}  // namespace pear::regrid
