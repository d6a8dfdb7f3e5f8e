// Lat-lon, Gaussian and reduced grids as one thing: rows of equal cells, each row with a length of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "sphere/grid/grid.h"

namespace pear::regrid {

/// Cells of a row-based grid. Units: colatitudes in radians, longitudes in quarter turns (t = phi / (pi/2)).
struct RowGrid {
  std::vector<double> theta;         ///< [N] row centres, north first
  std::vector<double> theta_bounds;  ///< [N + 1]
  std::vector<int64_t> length;       ///< [N]
  std::vector<int64_t> first_cell;   ///< [N + 1] cell index of the row's first column
  double first_deg = 0;              ///< longitude of the first column
  double step_deg = 0;               ///< column step of a regional grid, else 0
  bool regional = false;

  int64_t num_rows() const { return static_cast<int64_t>(length.size()); }
  double row_step_deg(int64_t row) const;
  /// Western edge of column `i` of a row; `i` may be the row's length. Exact where the value is a simple fraction.
  double edge(int64_t row, int64_t i) const;
  /// The same split into whole quarter turns and the rest in [0, 1), which keeps all its digits.
  struct Edge {
    int64_t turn;
    double within;
  };
  Edge edge_in_quarters(int64_t row, int64_t i) const;
  /// cos(theta_bounds[row]) - cos(theta_bounds[row + 1]) without cancellation.
  double band(int64_t row) const;
};

/// Errors:  std::bad_variant_access for HEALPix (our own mistake).
RowGrid row_grid(const sphere::Grid& grid);

/// 2 sin((t1+t2)/2) sin((t2-t1)/2) = cos t1 - cos t2.
double band_between(double theta1, double theta2);

}  // namespace pear::regrid
