// Checks of HEALPix arguments: one message shape for every function of healpix.h and healpix_fields.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>

#include "base/constants.h"
#include "sphere/grid/healpix.h"

namespace pear::sphere {

/// Rounding beyond the poles that is accepted: float32(pi) exceeds pi by 9e-8.
inline constexpr double kThetaTolerance = 1e-6;
inline constexpr double kLargestPhi = 1e6;  // beyond, a double no longer resolves a fine pixel

inline bool is_angle(double theta, double phi) {  // false for NaN
  return (theta >= -kThetaTolerance) & (theta <= kPi + kThetaTolerance) & (std::abs(phi) <= kLargestPhi);
}
inline double clamped_theta(double theta) { return std::clamp(theta, 0.0, kPi); }

/// ConfigError `UnknownGrid` or `NestedNeedsPowerOfTwo`.
void check_healpix(const HealpixGrid& grid);
/// ShapeError `PixelOutOfRange`.
[[noreturn]] void throw_bad_pixel(int64_t nside, int64_t pixel);
inline void check_pixel(int64_t nside, int64_t pixel) {
  if (pixel < 0 || pixel >= 12 * nside * nside) throw_bad_pixel(nside, pixel);
}
void check_ring(int64_t nside, int64_t ring);
void check_face(int64_t nside, FaceXy p);
/// DataError `BadAngle`.
[[noreturn]] void throw_bad_angle(size_t index, double theta, double phi);
/// ShapeError `SizeMismatch` unless all sizes are equal.
void check_same_size(const char* what, std::initializer_list<size_t> sizes);

}  // namespace pear::sphere
