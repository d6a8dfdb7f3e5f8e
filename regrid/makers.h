// Builders of the rows of a weight matrix, one per pair of grid kinds and method (make_weights chooses).
#pragma once

#include <functional>

#include "regrid/weights.h"

namespace pear::regrid {

/// One entry of a row under construction.
struct Link {
  int64_t column;
  double value;
};

// Each fills row_start, column and value of `out`, whose grids and method are set.
void row_cells_to_healpix(Weights& out);    ///< conservative; parallel over source rows, then by target
void healpix_to_row_cells(Weights& out);    ///< conservative
void row_cells_to_row_cells(Weights& out);  ///< conservative: product of overlaps in z and phi
void healpix_to_healpix(Weights& out);      ///< conservative, any two nside: product of overlaps on each face
void points_from_row_cells(Weights& out);   ///< nearest and bilinear
void points_from_healpix(Weights& out);     ///< nearest and 4-point

/// Calls `make(target, row)` for every target cell in parallel; `row` arrives empty and its links may come in any
/// order and repeat: they are sorted by column and merged.
void fill_rows(Weights& out, const std::function<void(int64_t, std::vector<Link>&)>& make);

}  // namespace pear::regrid
