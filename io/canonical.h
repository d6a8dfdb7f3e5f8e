// From the order in a file to canonical order: north first, longitudes ascending from the first >= 0.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sphere/grid/grid.h"

namespace pear::io {

/// How stored rows and columns become canonical ones.
struct LatLonOrder {
  sphere::Grid grid;
  std::vector<int64_t> rows;   ///< stored row of every canonical row
  std::vector<int64_t> cols;   ///< stored column of every canonical column
  bool has_duplicate = false;  ///< the last stored column repeats the first (360 degrees on) and is dropped
  int64_t stored_cols = 0;
};

/// Works out the order from coordinate values in stored order, in degrees; attributes are never asked.
///
/// Units:   degrees; longitudes in any window, ascending or descending.
/// Errors:  DataError `RowsNotMonotonic`, `LongitudesIrregular` naming `where`.
LatLonOrder canonical_latlon(std::span<const double> lat_deg, std::span<const double> lon_deg,
                             const std::string& where);

/// Puts values into canonical order. Stored element (row j, column i) lies at j * row_stride + i * col_stride.
///
/// Shapes:  stored [rows * cols] with the strides given; out [grid.num_cells()].
/// Errors:  DataError `DuplicateMeridianMismatch` naming `where` if the repeated column differs.
void reorder(const LatLonOrder& order, std::span<const float> stored, int64_t row_stride, int64_t col_stride,
             std::span<float> out, const std::string& where);

}  // namespace pear::io
