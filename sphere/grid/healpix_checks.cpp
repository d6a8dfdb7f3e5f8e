#include "sphere/grid/healpix_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace pear::sphere {

void check_healpix(const HealpixGrid& g) {
  if (g.nside < 1 || g.nside > (int64_t{1} << 29))
    throw ConfigError(
        "UnknownGrid", "sphere.grid",
        {.what = "HEALPix nside", .expected = "1 to 2^29 = 536870912", .found = fmt::format("{}", g.nside)});
  if (g.order != PixelOrder::Ring && (g.nside & (g.nside - 1)) != 0)
    throw ConfigError("NestedNeedsPowerOfTwo", "sphere.grid",
                      {.what = "HEALPix nside in nested or face-major order",
                       .expected = "a power of two",
                       .found = fmt::format("{}", g.nside),
                       .hint = fmt::format("use healpix:{}:ring", g.nside)});
}

void throw_bad_pixel(int64_t nside, int64_t pixel) {
  throw ShapeError("PixelOutOfRange", "sphere.grid",
                   {.what = fmt::format("HEALPix pixel of nside {}", nside),
                    .expected = fmt::format("0 to {}", 12 * nside * nside - 1),
                    .found = fmt::format("{}", pixel)});
}

void check_ring(int64_t nside, int64_t ring) {
  if (ring < 1 || ring > 4 * nside - 1)
    throw ShapeError("PixelOutOfRange", "sphere.grid",
                     {.what = fmt::format("HEALPix ring of nside {}", nside),
                      .expected = fmt::format("1 to {}", 4 * nside - 1),
                      .found = fmt::format("{}", ring)});
}

void check_face(int64_t n, FaceXy p) {
  if (p.face < 0 || p.face > 11 || p.x < 0 || p.x >= n || p.y < 0 || p.y >= n)
    throw ShapeError("PixelOutOfRange", "sphere.grid",
                     {.what = fmt::format("HEALPix face position of nside {}", n),
                      .expected = fmt::format("face 0 to 11, x and y 0 to {}", n - 1),
                      .found = fmt::format("face {}, x {}, y {}", p.face, p.x, p.y)});
}

void throw_bad_angle(size_t index, double theta, double phi) {
  throw DataError("BadAngle", "sphere.grid",
                  {.what = fmt::format("direction {}", index),
                   .expected = "radians: colatitude theta 0 to pi, |phi| up to 1e6",
                   .found = fmt::format("theta {}, phi {}", theta, phi),
                   .hint = "theta = 90 degrees - latitude, converted to radians"});
}

void check_same_size(const char* what, std::initializer_list<size_t> sizes) {
  for (size_t s : sizes)
    if (s != *sizes.begin())
      throw ShapeError("SizeMismatch", "sphere.grid",
                       {.what = what, .expected = "equal lengths", .found = fmt::format("{}", fmt::join(sizes, ", "))});
}

}  // namespace pear::sphere
