// Lat-lon and Gaussian grids: where a point lies between rows and columns, quadrature weights of the rows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sphere/grid/grid.h"

namespace pear::sphere {

/// Two neighbours on an axis: value = (1 - weight) * first + weight * second, 0 <= weight <= 1.
struct AxisPair {
  int64_t first, second;
  double weight;
};

/// Rows around a latitude, linear in colatitude.
///
/// Poles:   on global grids without a pole row, first = -1 is a virtual row at the north pole and second = num_rows
///          one at the south pole (the mean of the nearest row for scalars); nothing is extrapolated.
/// Units:   degrees.
/// Errors:  DataError `BadAngle` for |lat| > 90 (1e-6 of rounding allowed), NaN, or outside a regional grid.
AxisPair rows_around(const LatLonGrid& grid, double lat_deg);

/// Columns around a longitude, wrapped around the globe: any finite longitude on global grids.
///
/// Units:   degrees.
/// Errors:  DataError `BadAngle` for a longitude that is not finite, or outside a regional grid (tried modulo 360).
AxisPair columns_around(const LatLonGrid& grid, double lon_deg);

/// Weights that integrate over z = cos(theta); sum 2. Exact for z^d, d < num_rows (Poles, Half, North); Gaussian for
/// d < 2 num_rows.
///
/// Shapes:  [num_rows], north first.
/// Source:  Fejer and Clenshaw-Curtis rules; North: Driscoll and Healy 1994.
/// Errors:  ConfigError `UnknownGrid` for Inner and Regional rows, which have no such rule, and for North with an odd
///          number of rows.
std::vector<double> quadrature_weights(RowKind kind, int64_t num_rows);

}  // namespace pear::sphere
