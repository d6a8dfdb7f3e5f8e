// Exact overlap areas of row-based cells with HEALPix pixels, in the plane where pixels are unit squares.
#pragma once

#include <cstdint>
#include <vector>

#include "regrid/row_grid.h"

namespace pear::regrid {

/// Overlap of one cell with one pixel (ring order).
struct Overlap {
  int64_t pixel;
  double area;  ///< in pixels
};

/// Cell bounds: longitudes in quarter turns west < east <= west + 4, colatitudes north < south in radians.
struct CellBounds {
  double west, east, north, south;
};

/// Clips cells against the pixel squares. Parallels and meridians are straight lines in the plane once a cell is cut at
/// z = +-2/3 and, in the caps, at integer t; every piece is a convex polygon, so no tolerance and no search is needed.
///
/// Source:  Gorski et al. 2005, ApJ 622:759; Calabretta and Roukema 2007, MNRAS 381:865 (the HEALPix projection).
/// Units:   the sum over a cell is its solid angle times 3 nside^2 / pi.
class PlanarOverlap {
 public:
  explicit PlanarOverlap(int64_t nside);

  /// Overlaps of one cell, each pixel once; replaces the content of `out`.
  void cell(const CellBounds& bounds, std::vector<Overlap>& out) const;

 private:
  struct Point {
    double a, b;
  };
  struct Polygon {
    Point point[12];
    int size = 0;
  };
  enum class Region { Belt, North, South };
  struct Place {
    Region region;
    int64_t turn;  ///< facet of a cap, or whole quarter turns taken off the belt
  };
  static Polygon clip(const Polygon& polygon, double Point::*axis, double bound, bool keep_above);
  static double area(const Polygon& polygon);
  void belt(double west, double east, double north, double south, std::vector<Overlap>& out) const;
  void cap(Region region, double west, double east, double near, double far, std::vector<Overlap>& out) const;
  void squares(const Polygon& polygon, Place place, std::vector<Overlap>& out) const;
  int64_t pixel(Place place, int64_t a, int64_t b) const;
  double sigma(double distance) const;

  int64_t n_;
  double z_cut_theta_;  ///< colatitude of z = 2/3
};

}  // namespace pear::regrid
