// HEALPix index maths: angles, orders, neighbours, boundaries, interpolation (healpix_fields.h: whole fields).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "sphere/grid/grid.h"

namespace pear::sphere {

/// Position of a pixel on its face: x towards north-east, y towards north-west, 0 <= x, y < nside.
struct FaceXy {
  int64_t face, x, y;
  bool operator==(const FaceXy&) const = default;
};

/// Colatitude and longitude in radians; longitude in [0, 2 pi).
struct Angle {
  double theta, phi;
};

/// 1-based ring (north to south) and 0-based position of a ring index.
struct RingPosition {
  int64_t ring, position;
};

// Every function below:
//   Source:  Gorski et al. 2005, ApJ 622:759; formulas in the plane where pixels are unit squares.
//   Indices: 64 bit, nside 1 to 2^29; ring order for any nside, the other orders for powers of two only.
//   Errors:  ConfigError `UnknownGrid` (nside), `NestedNeedsPowerOfTwo`; ShapeError `PixelOutOfRange`,
//            `SizeMismatch`; DataError `BadAngle`. Each names the index and the value.

int64_t num_pixels(int64_t nside);
FaceXy face_xy_from_pixel(const HealpixGrid& grid, int64_t pixel);
int64_t pixel_from_face_xy(const HealpixGrid& grid, FaceXy p);
int64_t ring_from_nested(int64_t nside, int64_t nested);
int64_t nested_from_ring(int64_t nside, int64_t ring);
/// Pixel of one order to the pixel of another order at the same nside.
int64_t convert_order(int64_t nside, PixelOrder from, PixelOrder to, int64_t pixel);

/// Ring of a ring index; length and first index of a ring 1..4 nside - 1.
RingPosition ring_position(int64_t nside, int64_t ring_index);
int64_t ring_length(int64_t nside, int64_t ring);
int64_t ring_start(int64_t nside, int64_t ring);

/// Pixel that holds a direction in radians; any finite longitude, theta in [0, pi] up to 1e-6 of rounding.
int64_t ang2pix(const HealpixGrid& grid, double theta, double phi);
/// Centre of a pixel.
Angle pix2ang(const HealpixGrid& grid, int64_t pixel);

// The same for many points. Shapes: all spans of one call have the same length [N]; `out` may be the input span.
void ang2pix(const HealpixGrid& grid, std::span<const double> theta, std::span<const double> phi,
             std::span<int64_t> out);
void pix2ang(const HealpixGrid& grid, std::span<const int64_t> pixels, std::span<double> theta, std::span<double> phi);
void convert_order(int64_t nside, PixelOrder from, PixelOrder to, std::span<const int64_t> pixels,
                   std::span<int64_t> out);

/// The 8 neighbours SW, W, NW, N, NE, E, SE, S, in the order of `grid`; -1 where there is none.
///
/// Missing:  24 pixels (E and W corners of the polar faces, N and S corners of the others) have 7; all have 6 at
/// nside 1.
std::array<int64_t, 8> neighbours(const HealpixGrid& grid, int64_t pixel);

/// Points of the pixel's outline: N, W, S, E corner, each followed by the equally spaced points of its edge.
///
/// Shapes:  4 * points_per_edge points; 1 gives the corners. Edges are curves: more points follow them.
/// Errors:  ShapeError `SizeMismatch` unless points_per_edge >= 1.
std::vector<Angle> boundary(const HealpixGrid& grid, int64_t pixel, int64_t points_per_edge = 1);

/// Four pixels and their weights: >= 0, sum 1.
struct InterpolationWeights {
  std::array<int64_t, 4> pixels;
  std::array<double, 4> weights;
};

/// Linear in phi within the ring above and the ring below, linear in theta between them (the healpy rule).
///
/// Poles:  between a pole and its ring, w times the ring value plus (1 - w)/4 of each of the four polar pixels, where w
///         is the distance from the pole over that of the ring. A pixel may occur twice.
/// Exact:  at pixel centres and for constants; not for fields linear in z.
InterpolationWeights interpolation_weights(const HealpixGrid& grid, double theta, double phi);

}  // namespace pear::sphere
