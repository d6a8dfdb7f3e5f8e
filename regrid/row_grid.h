// Any grid made of rows of equal cells: regular, Gaussian, reduced, regional.
#pragma once

#include <cstdint>
#include <vector>

#include "sphere/grid/grid.h"

namespace pear::regrid {

/// Row j has columns[j] cells of width width[j], the first one starting at west[j]; radians.
struct RowGrid {
  std::vector<double> theta_bounds;  ///< [R + 1] colatitude, ascending
  std::vector<double> theta;         ///< [R] centres
  std::vector<int64_t> columns;      ///< [R]
  std::vector<int64_t> first;        ///< [R + 1] index of the first cell of each row
  std::vector<double> west, width;   ///< [R]
  bool is_global = true;

  int64_t num_rows() const { return static_cast<int64_t>(columns.size()); }
};

/// Errors: std::logic_error for HEALPix (our own mistake).
RowGrid row_grid(const sphere::Grid& grid);

}  // namespace pear::regrid
