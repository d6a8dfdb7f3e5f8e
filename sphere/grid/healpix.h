// HEALPix index maths: angles, orders, neighbours, boundaries, interpolation, resolution changes.
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

/// Source: Gorski et al. 2005. Nested, XySouth and XyNorth need nside a power of two (ConfigError
/// `NestedNeedsPowerOfTwo`); ring works for any nside >= 1. Indices are 64-bit, nside up to 2^29.
/// Errors: ShapeError `PixelOutOfRange`, DataError `BadAngle`.
int64_t num_pixels(int64_t nside);
FaceXy face_xy_from_pixel(const HealpixGrid& grid, int64_t pixel);
int64_t pixel_from_face_xy(const HealpixGrid& grid, FaceXy p);
int64_t ring_from_nested(int64_t nside, int64_t nested);
int64_t nested_from_ring(int64_t nside, int64_t ring);
/// Pixel of one order to the pixel of another order at the same nside.
int64_t convert_order(int64_t nside, PixelOrder from, PixelOrder to, int64_t pixel);

/// Pixel that holds a direction; longitudes may lie outside [0, 2 pi).
int64_t ang2pix(const HealpixGrid& grid, double theta, double phi);
/// Centre of a pixel.
Angle pix2ang(const HealpixGrid& grid, int64_t pixel);

}  // namespace pear::sphere
