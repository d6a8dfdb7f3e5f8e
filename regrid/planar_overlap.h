// Exact overlap areas of row-based cells with HEALPix pixels, in the plane where pixels are unit squares.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "regrid/buffer.h"
#include "regrid/row_grid.h"

namespace pear::regrid {

/// Overlaps of consecutive cells: `count[c]` pixels of cell c, each pixel once, in no particular order.
struct CellLinks {
  Buffer<int32_t> count, pixel;
  Buffer<double> area;  ///< in pixels
};

/// Parallels and meridians are straight lines in the plane once a cell is cut at z = +-2/3 and, in the caps, at whole
/// quarter turns; every piece is a convex polygon. Its overlap with the unit squares follows from its edges alone
/// (Green's theorem, as in exact-coverage rasterisers), so there is no search and no clipping.
///
/// Source:  Gorski et al. 2005, ApJ 622:759; Calabretta and Roukema 2007, MNRAS 381:865 (the HEALPix projection).
/// Units:   the sum over a cell is its solid angle times 3 nside^2 / pi.
/// Threads: one object per thread; it holds scratch memory.
class PlanarOverlap {
 public:
  /// `number_from_ring`: pixel numbers of the wanted order for every ring number; empty for ring order.
  PlanarOverlap(const RowGrid& rows, int64_t nside, std::span<const int32_t> number_from_ring);

  /// Appends the overlaps of every cell of a row.
  void row(int64_t row, CellLinks& out);

  /// About how many links rows [first, last) have: a convex shape touches area + width + height + 1 squares.
  double expected_links(int64_t first, int64_t last) const;

  /// Solid angle of each cell of a row, in pixels.
  double cell_area(int64_t row) const;

 private:
  struct Point {
    double a, b;
  };
  /// Convex, counter-clockwise, with its bounding box; `area` is used if it lies in one pixel.
  struct Quad {
    Point point[4];
    double a_min, a_max, b_min, b_max, area;
  };
  enum class Region { Belt, North, South };
  struct Place {
    Region region;
    int64_t turn;  ///< facet of a cap, or whole quarter turns taken off the belt
  };
  struct Band {
    Region region;
    double low, high;  ///< belt: 3 n z / 4 at the southern and northern bound; cap: sigma at the near and far bound
  };

  void columns_of(int64_t row);
  int bands_of(int64_t row, Band* out) const;
  void belt(const Band& band, size_t column, double whole, CellLinks& out);
  void cap(const Band& band, size_t column, double whole, CellLinks& out);
  void squares(const Quad& quad, Place place, CellLinks& out);
  void edge(Point from, Point to, double* sums, int64_t stride) const;
  void emit(Place place, int64_t a, int64_t b, double area, CellLinks& out) const;
  double sigma(double distance) const;

  const RowGrid& rows_;
  int64_t n_;
  double side_;  ///< nside
  std::span<const int32_t> number_from_ring_;
  int64_t columns_row_ = -1;    ///< row whose column edges are held
  std::vector<int64_t> turn_;   ///< [columns + 1] whole quarter turns of the edges
  std::vector<double> within_;  ///< [columns + 1] the rest, in [0, 1)
  std::vector<double> sums_;
};

}  // namespace pear::regrid
