// Inline HEALPix arithmetic behind healpix.h, shared by its source files so that the batched loops can inline it.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "base/constants.h"
#include "sphere/grid/healpix.h"

namespace pear::sphere::healpix_index {

// Ring row and first column of the twelve base faces (Gorski et al. 2005).
inline constexpr int64_t kRow[12] = {2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4};
inline constexpr int64_t kCol[12] = {1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7};
inline const double kSqrt6 = std::sqrt(6.0);

inline uint64_t spread_bits(uint64_t v) {
  v = (v | (v << 16)) & 0x0000ffff0000ffffULL;
  v = (v | (v << 8)) & 0x00ff00ff00ff00ffULL;
  v = (v | (v << 4)) & 0x0f0f0f0f0f0f0f0fULL;
  v = (v | (v << 2)) & 0x3333333333333333ULL;
  return (v | (v << 1)) & 0x5555555555555555ULL;
}

inline uint64_t gather_bits(uint64_t v) {
  v &= 0x5555555555555555ULL;
  v = (v | (v >> 1)) & 0x3333333333333333ULL;
  v = (v | (v >> 2)) & 0x0f0f0f0f0f0f0f0fULL;
  v = (v | (v >> 4)) & 0x00ff00ff00ff00ffULL;
  v = (v | (v >> 8)) & 0x0000ffff0000ffffULL;
  return (v | (v >> 16)) & 0x00000000ffffffffULL;
}

inline int64_t interleave(int64_t x, int64_t y) {
  return static_cast<int64_t>(spread_bits(static_cast<uint64_t>(x)) | (spread_bits(static_cast<uint64_t>(y)) << 1));
}

inline int64_t wrap(int64_t i, int64_t n) {
  const int64_t r = i % n;
  return r < 0 ? r + n : r;
}

/// Integer square root, corrected by +-1 because of rounding.
inline int64_t isqrt(int64_t v) {
  auto r = static_cast<int64_t>(std::sqrt(static_cast<double>(v) + 0.5));
  while (r * r > v) --r;
  while ((r + 1) * (r + 1) <= v) ++r;
  return r;
}

/// Largest integer <= v, for |v| < 2^62 (std::floor is a library call without SSE 4.1).
inline int64_t floor_int(double v) {
  const auto i = static_cast<int64_t>(v);
  return i - (v < static_cast<double>(i) ? 1 : 0);
}

inline bool is_cap(int64_t n, int64_t ring) { return ring < n || ring > 3 * n; }

/// Pixels in a quarter of the ring.
inline int64_t quarter(int64_t n, int64_t ring) { return std::min({ring, n, 4 * n - ring}); }

inline int64_t start(int64_t n, int64_t ring) {
  if (ring < n) return 2 * ring * (ring - 1);
  if (ring <= 3 * n) return 2 * n * (n - 1) + 4 * n * (ring - n);
  const int64_t k = 4 * n - ring;
  return 12 * n * n - 2 * k * (k + 1);
}

/// 1 where the first pixel centre of the ring lies half a pixel east of the zero meridian.
inline int64_t shift(int64_t n, int64_t ring) { return is_cap(n, ring) ? 1 : ((ring - n) & 1) ^ 1; }

inline RingPosition position(int64_t n, int64_t p) {
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

inline RingPosition position_from_face(int64_t n, FaceXy p) {
  const int64_t ring = kRow[p.face] * n - p.x - p.y - 1;
  const int64_t r = quarter(n, ring);
  const int64_t h = is_cap(n, ring) ? 0 : (ring - n) & 1;
  const int64_t q = (kCol[p.face] * r + p.x - p.y + 1 + h) / 2 - 1;  // -r <= q < 4 r, always whole
  return {ring, q < 0 ? q + 4 * r : q};
}

inline int64_t ring_from_face(int64_t n, FaceXy p) {
  const RingPosition at = position_from_face(n, p);
  return start(n, at.ring) + at.position;
}

// The HEALPix plane has pixels as unit squares (A, B): a grows towards the south-east, b towards the north-east in
// the belt; in a cap both are counted from the pole, within one of four facets.

/// a / n for 0 <= a < 6 n, without a division.
inline int64_t times_in(int64_t a, int64_t n) {
  return (a >= n) + (a >= 2 * n) + (a >= 3 * n) + (a >= 4 * n) + (a >= 5 * n);
}

inline FaceXy face_from_belt(int64_t n, int64_t a, int64_t b) {
  const int64_t p = times_in(a, n), q = times_in(b, n);
  const int64_t face = 4 * (1 + (p > q) - (p < q)) + (std::min(p, q) & 3);  // north p < q, equator, south; no branches
  return {face, b - q * n, n - 1 - (a - p * n)};
}

inline FaceXy face_from_cap(int64_t n, bool north, int64_t facet, int64_t a, int64_t b) {
  if (north) return {facet, n - 1 - b, n - 1 - a};
  return {8 + facet, a, b};
}

inline FaceXy face_from_ring(int64_t n, int64_t pixel) {
  const auto [ring, p] = position(n, pixel);
  if (is_cap(n, ring)) {
    const int64_t k = quarter(n, ring), facet = p / k, a = p - facet * k;
    return face_from_cap(n, ring < n, facet, a, k - 1 - a);
  }
  const int64_t s = shift(n, ring);  // one more turn (4 n) keeps both coordinates non-negative
  return face_from_belt(n, p + (s + ring - n - 1) / 2, p + (s + 3 * n - ring - 1) / 2);
}

/// Where a direction falls in the plane: belt coordinates, or facet and coordinates of a cap.
struct PlaneCell {
  bool belt, north;
  int64_t facet, a, b;
};

/// Longitude in quarter turns, 0 <= t < 4.
inline double quarter_turns(double phi) {
  double t = phi * (2.0 / kPi);
  if (t < 0.0 || t >= 4.0) {
    t -= 4.0 * std::floor(t / 4.0);
    if (t >= 4.0) t = 0.0;  // -1e-17 + 4 rounds to 4
  }
  return t;
}

inline PlaneCell plane_cell(int64_t n, double theta, double phi) {
  const double t = quarter_turns(phi), z = std::cos(theta), nd = static_cast<double>(n);
  if (std::abs(z) <= 2.0 / 3.0) {
    int64_t a = std::max<int64_t>(0, floor_int(nd * (0.5 + t - 0.75 * z)));
    int64_t b = std::max<int64_t>(0, floor_int(nd * (0.5 + t + 0.75 * z)));
    if (b - a > n) b = a + n;  // rounding on the border of the belt must not leave its rings n..3n
    if (a - b > n) a = b + n;
    return {true, z > 0, 0, a, b};
  }
  const bool north = z > 0;
  const double sigma = nd * kSqrt6 * std::sin((north ? theta : kPi - theta) / 2);  // never acos(z)
  const auto facet = static_cast<int64_t>(t);
  const double tau = t - static_cast<double>(facet);
  const int64_t a = std::min(static_cast<int64_t>(tau * sigma), n - 1);
  const int64_t b = std::min(static_cast<int64_t>((1.0 - tau) * sigma), n - 1);
  return {false, north, facet, a, a + b < n ? b : n - 1 - a};
}

inline FaceXy face_from_angle(int64_t n, double theta, double phi) {
  const PlaneCell c = plane_cell(n, theta, phi);
  return c.belt ? face_from_belt(n, c.a, c.b) : face_from_cap(n, c.north, c.facet, c.a, c.b);
}

/// Ring index straight from the plane, without the face.
inline int64_t ring_from_angle(int64_t n, double theta, double phi) {
  const PlaneCell c = plane_cell(n, theta, phi);
  if (c.belt) {
    const int64_t ring = 2 * n + c.a - c.b;
    int64_t p = (c.a + c.b - n + ((ring - n) & 1) + 1) >> 1;
    if (p >= 4 * n) p -= 4 * n;
    return 2 * n * (n - 1) + 4 * n * (ring - n) + p;
  }
  const int64_t k = c.a + c.b + 1, p = c.facet * k + c.a;
  return c.north ? 2 * k * (k - 1) + p : 12 * n * n - 2 * k * (k + 1) + p;
}

/// Distance of a ring's centres from the nearer pole (caps), or colatitude (belt).
inline double ring_theta(int64_t n, int64_t ring) {
  const double nd = static_cast<double>(n);
  if (is_cap(n, ring)) {
    const double d = 2.0 * std::asin(static_cast<double>(quarter(n, ring)) / (nd * kSqrt6));
    return ring < n ? d : kPi - d;
  }
  return std::acos(4.0 / 3.0 - 2.0 * static_cast<double>(ring) / (3.0 * nd));
}

inline double ring_phi(int64_t n, int64_t ring, int64_t p) {
  const double k = static_cast<double>(quarter(n, ring));
  return kPi / 2 / k * (static_cast<double>(p) + 0.5 * static_cast<double>(shift(n, ring)));
}

template <PixelOrder Order>
inline FaceXy face_from_pixel(int64_t n, int64_t pixel) {
  if constexpr (Order == PixelOrder::Ring) return face_from_ring(n, pixel);
  if constexpr (Order == PixelOrder::Nested) {
    const int bits = 2 * std::countr_zero(static_cast<uint64_t>(n));
    const auto local = static_cast<uint64_t>(pixel) & ((uint64_t{1} << bits) - 1);
    return {pixel >> bits, static_cast<int64_t>(gather_bits(local)), static_cast<int64_t>(gather_bits(local >> 1))};
  }
  const int64_t face = pixel / (n * n), local = pixel - face * n * n, row = local / n, column = local - row * n;
  if constexpr (Order == PixelOrder::XySouth) return {face, column, row};
  return {face, n - 1 - row, n - 1 - column};
}

template <PixelOrder Order>
inline int64_t pixel_from_face(int64_t n, FaceXy p) {
  if constexpr (Order == PixelOrder::Ring) return ring_from_face(n, p);
  if constexpr (Order == PixelOrder::Nested) return p.face * n * n + interleave(p.x, p.y);
  if constexpr (Order == PixelOrder::XySouth) return (p.face * n + p.y) * n + p.x;
  return (p.face * n + n - 1 - p.x) * n + n - 1 - p.y;
}

/// Calls f with the order as a compile-time constant.
template <class F>
inline auto with_order(PixelOrder order, F&& f) {
  switch (order) {
    case PixelOrder::Ring:
      return f(std::integral_constant<PixelOrder, PixelOrder::Ring>{});
    case PixelOrder::Nested:
      return f(std::integral_constant<PixelOrder, PixelOrder::Nested>{});
    case PixelOrder::XySouth:
      return f(std::integral_constant<PixelOrder, PixelOrder::XySouth>{});
    default:
      return f(std::integral_constant<PixelOrder, PixelOrder::XyNorth>{});
  }
}

}  // namespace pear::sphere::healpix_index
