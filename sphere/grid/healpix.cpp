#include "sphere/grid/healpix.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/constants.h"
#include "base/error.h"

namespace pear::sphere {
namespace {

// Ring row and first column of the twelve base faces (Gorski et al. 2005).
constexpr int64_t kRow[12] = {2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4};
constexpr int64_t kCol[12] = {1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7};

uint64_t spread_bits(uint64_t v) {
  v = (v | (v << 16)) & 0x0000ffff0000ffffULL;
  v = (v | (v << 8)) & 0x00ff00ff00ff00ffULL;
  v = (v | (v << 4)) & 0x0f0f0f0f0f0f0f0fULL;
  v = (v | (v << 2)) & 0x3333333333333333ULL;
  return (v | (v << 1)) & 0x5555555555555555ULL;
}

uint64_t gather_bits(uint64_t v) {
  v &= 0x5555555555555555ULL;
  v = (v | (v >> 1)) & 0x3333333333333333ULL;
  v = (v | (v >> 2)) & 0x0f0f0f0f0f0f0f0fULL;
  v = (v | (v >> 4)) & 0x00ff00ff00ff00ffULL;
  v = (v | (v >> 8)) & 0x0000ffff0000ffffULL;
  return (v | (v >> 16)) & 0x00000000ffffffffULL;
}

int64_t wrap(int64_t i, int64_t n) {
  const int64_t r = i % n;
  return r < 0 ? r + n : r;
}

/// Integer square root, corrected by +-1 because of rounding.
int64_t isqrt(int64_t v) {
  auto r = static_cast<int64_t>(std::sqrt(static_cast<double>(v) + 0.5));
  while (r * r > v) --r;
  while ((r + 1) * (r + 1) <= v) ++r;
  return r;
}

void check_pixel(int64_t nside, int64_t pixel) {
  if (pixel < 0 || pixel >= num_pixels(nside))
    throw ShapeError("PixelOutOfRange", "sphere.grid",
                     {.what = fmt::format("pixel {} of nside {}", pixel, nside),
                      .expected = fmt::format("0 to {}", num_pixels(nside) - 1)});
}

/// 1-based ring and 0-based position of a ring index.
struct RingPosition {
  int64_t ring, position;
};

RingPosition ring_position(int64_t n, int64_t p) {
  const int64_t cap = 2 * n * (n - 1), last = 12 * n * n;
  if (p < cap) {
    const int64_t ring = (1 + isqrt(1 + 2 * p)) / 2;
    return {ring, p - 2 * ring * (ring - 1)};
  }
  if (p < last - cap) return {(p - cap) / (4 * n) + n, (p - cap) % (4 * n)};
  const int64_t back = last - p;
  const int64_t ring = (1 + isqrt(2 * back - 1)) / 2;  // counted from the south pole
  return {4 * n - ring, 4 * ring - (back - 2 * ring * (ring - 1))};
}

int64_t ring_length(int64_t n, int64_t ring) { return 4 * std::min({ring, n, 4 * n - ring}); }

int64_t ring_start(int64_t n, int64_t ring) {
  if (ring < n) return 2 * ring * (ring - 1);
  if (ring <= 3 * n) return 2 * n * (n - 1) + 4 * n * (ring - n);
  const int64_t k = 4 * n - ring;
  return 12 * n * n - 2 * k * (k + 1);
}

/// 1 where the first pixel centre of the ring lies half a pixel east of the zero meridian.
int64_t ring_shift(int64_t n, int64_t ring) { return (ring < n || ring > 3 * n) ? 1 : ((ring - n) % 2 == 0 ? 1 : 0); }

int64_t ring_from_face(int64_t n, FaceXy p) {
  const int64_t ring = kRow[p.face] * n - p.x - p.y - 1;
  const int64_t r = std::min({ring, n, 4 * n - ring});
  const int64_t k = (ring >= n && ring <= 3 * n) ? (ring - n) % 2 : 0;
  const int64_t position = wrap((kCol[p.face] * r + p.x - p.y + 1 + k) / 2 - 1, 4 * r);
  return ring_start(n, ring) + position;
}

/// Unit squares of the HEALPix plane (a eastwards-south, b eastwards-north): belt coordinates A, B, or cap
/// facet f with A, B counted from the pole.
FaceXy face_from_belt(int64_t n, int64_t a, int64_t b) {
  const int64_t p = (a >= 0 ? a : a - n + 1) / n, q = (b >= 0 ? b : b - n + 1) / n;
  const int64_t face = p == q ? 4 + wrap(p, 4) : (p < q ? wrap(p, 4) : 8 + wrap(q, 4));
  return {face, wrap(b, n), n - 1 - wrap(a, n)};
}

FaceXy face_from_cap(int64_t n, bool north, int64_t facet, int64_t a, int64_t b) {
  if (north) return {facet, n - 1 - b, n - 1 - a};
  return {8 + facet, a, b};
}

FaceXy face_from_ring(int64_t n, int64_t pixel) {
  const auto [ring, position] = ring_position(n, pixel);
  if (ring < n || ring > 3 * n) {
    const int64_t k = ring_length(n, ring) / 4;
    return face_from_cap(n, ring < n, position / k, position % k, k - 1 - position % k);
  }
  const int64_t s = ring_shift(n, ring);
  return face_from_belt(n, position + (s + ring - n - 1) / 2, position + (s + 3 * n - ring - 1) / 2);
}

int64_t interleave(int64_t x, int64_t y) {
  return static_cast<int64_t>(spread_bits(static_cast<uint64_t>(x)) | (spread_bits(static_cast<uint64_t>(y)) << 1));
}

/// Colatitude and longitude of the centre of a ring position; no acos near the poles.
Angle ring_angle(int64_t n, int64_t ring, int64_t position) {
  const double length = static_cast<double>(ring_length(n, ring));
  const double phi = 2.0 * kPi / length * (static_cast<double>(position) + 0.5 * static_cast<double>(ring_shift(n, ring)));
  const double nd = static_cast<double>(n);
  if (ring < n || ring > 3 * n) {
    const double d = 2.0 * std::asin(length / 4.0 / (nd * std::sqrt(6.0)));
    return {ring < n ? d : kPi - d, phi};
  }
  return {std::acos(4.0 / 3.0 - 2.0 * static_cast<double>(ring) / (3.0 * nd)), phi};
}

int64_t floor_clamped(double v, int64_t low, int64_t high) {
  return std::clamp(static_cast<int64_t>(std::floor(v)), low, high);
}

FaceXy face_from_angle(int64_t n, double theta, double phi) {
  double t = std::fmod(phi / (kPi / 2), 4.0);
  if (t < 0) t += 4.0;
  if (t >= 4.0) t = 0.0;  // -1e-17 + 4 rounds to 4
  const double z = std::cos(theta), nd = static_cast<double>(n);
  if (std::abs(z) <= 2.0 / 3.0)
    return face_from_belt(n, static_cast<int64_t>(std::floor(nd * (0.5 + t - 0.75 * z))),
                          static_cast<int64_t>(std::floor(nd * (0.5 + t + 0.75 * z))));
  const bool north = z > 0;
  const double d = north ? theta : kPi - theta;
  const double sigma = nd * std::sqrt(6.0) * std::sin(d / 2);
  const int64_t facet = std::min<int64_t>(static_cast<int64_t>(t), 3);
  const double tau = t - static_cast<double>(facet);
  return face_from_cap(n, north, facet, floor_clamped(tau * sigma, 0, n - 1),
                       floor_clamped((1.0 - tau) * sigma, 0, n - 1));
}

}  // namespace

int64_t num_pixels(int64_t nside) { return 12 * nside * nside; }

FaceXy face_xy_from_pixel(const HealpixGrid& grid, int64_t pixel) {
  const int64_t n = grid.nside;
  check_pixel(n, pixel);
  if (grid.order == PixelOrder::Ring) return face_from_ring(n, pixel);
  const int64_t face = pixel / (n * n), local = pixel % (n * n);
  if (grid.order == PixelOrder::Nested) {
    const auto bits = static_cast<uint64_t>(local);
    return {face, static_cast<int64_t>(gather_bits(bits)), static_cast<int64_t>(gather_bits(bits >> 1))};
  }
  const int64_t row = local / n, column = local % n;
  if (grid.order == PixelOrder::XySouth) return {face, column, row};
  return {face, n - 1 - row, n - 1 - column};
}

int64_t pixel_from_face_xy(const HealpixGrid& grid, FaceXy p) {
  const int64_t n = grid.nside;
  switch (grid.order) {
    case PixelOrder::Ring:
      return ring_from_face(n, p);
    case PixelOrder::Nested:
      return p.face * n * n + interleave(p.x, p.y);
    case PixelOrder::XySouth:
      return (p.face * n + p.y) * n + p.x;
    case PixelOrder::XyNorth:
      return (p.face * n + n - 1 - p.x) * n + n - 1 - p.y;
  }
  PEAR_ASSERT(false);
}

int64_t convert_order(int64_t nside, PixelOrder from, PixelOrder to, int64_t pixel) {
  return pixel_from_face_xy({nside, to}, face_xy_from_pixel({nside, from}, pixel));
}

int64_t ring_from_nested(int64_t nside, int64_t nested) {
  return convert_order(nside, PixelOrder::Nested, PixelOrder::Ring, nested);
}

int64_t nested_from_ring(int64_t nside, int64_t ring) {
  return convert_order(nside, PixelOrder::Ring, PixelOrder::Nested, ring);
}

int64_t ang2pix(const HealpixGrid& grid, double theta, double phi) {
  if (!std::isfinite(theta) || !std::isfinite(phi) || theta < 0 || theta > kPi)
    throw DataError("BadAngle", "sphere.grid",
                    {.what = fmt::format("direction theta {} phi {}", theta, phi),
                     .expected = "finite radians with 0 <= theta <= pi"});
  return pixel_from_face_xy(grid, face_from_angle(grid.nside, theta, phi));
}

Angle pix2ang(const HealpixGrid& grid, int64_t pixel) {
  check_pixel(grid.nside, pixel);
  const int64_t ring = grid.order == PixelOrder::Ring
                           ? pixel
                           : ring_from_face(grid.nside, face_xy_from_pixel(grid, pixel));
  const auto [row, position] = ring_position(grid.nside, ring);
  return ring_angle(grid.nside, row, position);
}

}  // namespace pear::sphere
