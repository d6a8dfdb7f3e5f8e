// Neighbours, outlines and 4-point interpolation of HEALPix pixels.
#include <fmt/format.h>

#include <optional>

#include "base/error.h"
#include "sphere/grid/healpix.h"
#include "sphere/grid/healpix_checks.h"
#include "sphere/grid/healpix_index.h"

namespace pear::sphere {
namespace {
namespace hi = healpix_index;

int64_t turn(int64_t i) { return i & 3; }

// Steps over face edges. With 0 <= i < 4 the number of a face within its row (north 0-3, equator 4-7, south 8-11):
// edges between rows keep the axes, edges between two polar faces turn them by a quarter. At a corner where only
// three faces meet there is no diagonal neighbour.

std::optional<FaceXy> across_north(int64_t n, int64_t i, int64_t x, int64_t y, int dx, int dy) {
  if (dx > 0 && dy > 0) return FaceXy{turn(i + 2), n - 1, n - 1};
  if (dx < 0 && dy < 0) return FaceXy{8 + i, n - 1, n - 1};
  if (dx != 0 && dy != 0) return std::nullopt;
  if (dx > 0) return FaceXy{turn(i + 1), y, n - 1};
  if (dy > 0) return FaceXy{turn(i + 3), n - 1, x};
  if (dx < 0) return FaceXy{4 + i, n - 1, y};
  return FaceXy{4 + turn(i + 1), x, n - 1};
}

std::optional<FaceXy> across_equator(int64_t n, int64_t i, int64_t x, int64_t y, int dx, int dy) {
  if (dx != 0 && dx == dy) return std::nullopt;
  if (dx > 0 && dy < 0) return FaceXy{4 + turn(i + 1), 0, n - 1};
  if (dx < 0 && dy > 0) return FaceXy{4 + turn(i + 3), n - 1, 0};
  if (dx > 0) return FaceXy{i, 0, y};
  if (dy > 0) return FaceXy{turn(i + 3), x, 0};
  if (dx < 0) return FaceXy{8 + turn(i + 3), n - 1, y};
  return FaceXy{8 + i, x, n - 1};
}

std::optional<FaceXy> across_south(int64_t i, int64_t x, int64_t y, int dx, int dy) {
  if (dx < 0 && dy < 0) return FaceXy{8 + turn(i + 2), 0, 0};
  if (dx > 0 && dy > 0) return FaceXy{i, 0, 0};
  if (dx != 0 && dy != 0) return std::nullopt;
  if (dx > 0) return FaceXy{4 + turn(i + 1), 0, y};
  if (dy > 0) return FaceXy{4 + i, x, 0};
  if (dx < 0) return FaceXy{8 + turn(i + 3), y, 0};
  return FaceXy{8 + turn(i + 1), 0, x};
}

std::optional<FaceXy> step(int64_t n, FaceXy p, int dx, int dy) {
  const int64_t x = p.x + dx, y = p.y + dy;
  const int out_x = x < 0 ? -1 : (x >= n ? 1 : 0), out_y = y < 0 ? -1 : (y >= n ? 1 : 0);
  if (out_x == 0 && out_y == 0) return FaceXy{p.face, x, y};
  const int64_t i = p.face & 3;
  if (p.face < 4) return across_north(n, i, x, y, out_x, out_y);
  return p.face < 8 ? across_equator(n, i, x, y, out_x, out_y) : across_south(i, x, y, out_x, out_y);
}

/// Direction of a point (u, v) of a face, 0 <= u, v <= 1, u towards north-east.
Angle face_point(int64_t face, double u, double v) {
  const double ring = static_cast<double>(hi::kRow[face]) - u - v;  // in units of nside
  const double k = std::min({ring, 1.0, 4.0 - ring});
  double theta = 0;
  if (ring < 1.0 || ring > 3.0) {
    const double d = 2.0 * std::asin(std::max(0.0, k) / hi::kSqrt6);
    theta = ring < 1.0 ? d : kPi - d;
  } else {
    theta = std::acos((2.0 - ring) * (2.0 / 3.0));
  }
  const double column = static_cast<double>(hi::kCol[face]) + (k > 1e-15 ? (u - v) / k : 0.0);  // pole: any longitude
  double phi = kPi / 4 * column;
  if (phi < 0) phi += 2 * kPi;
  if (phi >= 2 * kPi) phi -= 2 * kPi;
  return {theta, phi};
}

/// Two neighbouring pixels of a ring around a longitude, given in quarter turns.
struct RingPair {
  int64_t west, east;  // ring indices
  double weight_east;
};

RingPair ring_pair(int64_t n, int64_t ring, double turns) {
  const int64_t k = hi::quarter(n, ring), length = 4 * k;
  const double t = turns * static_cast<double>(k) - 0.5 * static_cast<double>(hi::shift(n, ring));
  const int64_t west = hi::floor_int(t);
  return {hi::start(n, ring) + hi::wrap(west, length), hi::start(n, ring) + hi::wrap(west + 1, length),
          t - static_cast<double>(west)};
}

/// Last ring whose centres lie at or above the colatitude; 0 if there is none.
int64_t ring_above(int64_t n, double theta) {
  const double z = std::cos(theta), nd = static_cast<double>(n);
  if (std::abs(z) <= 2.0 / 3.0) return hi::floor_int(nd * (2.0 - 1.5 * z));
  const bool north = z > 0;
  const int64_t from_pole = hi::floor_int(nd * hi::kSqrt6 * std::sin((north ? theta : kPi - theta) / 2));
  return north ? from_pole : 4 * n - 1 - from_pole;
}

/// In ring order; turns is the longitude in quarter turns, w the weight of the ring below.
InterpolationWeights ring_interpolation(int64_t n, double theta, double turns) {
  const int64_t above = ring_above(n, theta), below = above + 1, first_polar = num_pixels(n) - 4;
  InterpolationWeights out{};
  const double theta_above = above > 0 ? hi::ring_theta(n, above) : 0.0;
  const double theta_below = below < 4 * n ? hi::ring_theta(n, below) : kPi;
  const double w = std::clamp((theta - theta_above) / (theta_below - theta_above), 0.0, 1.0);
  if (above > 0) {
    const RingPair r = ring_pair(n, above, turns);
    out.pixels[0] = r.west, out.pixels[1] = r.east;
    out.weights[0] = (1 - w) * (1 - r.weight_east), out.weights[1] = (1 - w) * r.weight_east;
  }
  if (below < 4 * n) {
    const RingPair r = ring_pair(n, below, turns);
    out.pixels[2] = r.west, out.pixels[3] = r.east;
    out.weights[2] = w * (1 - r.weight_east), out.weights[3] = w * r.weight_east;
  }
  if (above == 0) {  // the pole is the mean of its four pixels 0..3
    out.pixels[0] = (out.pixels[2] + 2) & 3, out.pixels[1] = (out.pixels[3] + 2) & 3;
    for (double& x : out.weights) x += 0.25 * (1 - w);
  }
  if (below == 4 * n) {
    out.pixels[2] = first_polar + ((out.pixels[0] + 2) & 3), out.pixels[3] = first_polar + ((out.pixels[1] + 2) & 3);
    for (double& x : out.weights) x += 0.25 * w;
  }
  return out;
}

}  // namespace

std::array<int64_t, 8> neighbours(const HealpixGrid& grid, int64_t pixel) {
  static constexpr int kDx[8] = {-1, -1, 0, 1, 1, 1, 0, -1}, kDy[8] = {0, 1, 1, 1, 0, -1, -1, -1};
  const FaceXy centre = face_xy_from_pixel(grid, pixel);
  return hi::with_order(grid.order, [&](auto order) {
    std::array<int64_t, 8> out{};
    for (size_t i = 0; i < 8; ++i) {
      const auto p = step(grid.nside, centre, kDx[i], kDy[i]);
      out[i] = p ? hi::pixel_from_face<order()>(grid.nside, *p) : -1;
    }
    return out;
  });
}

std::vector<Angle> boundary(const HealpixGrid& grid, int64_t pixel, int64_t points_per_edge) {
  const FaceXy p = face_xy_from_pixel(grid, pixel);
  if (points_per_edge < 1)
    throw ShapeError(
        "SizeMismatch", "sphere.grid",
        {.what = "points per pixel edge", .expected = "at least 1", .found = fmt::format("{}", points_per_edge)});
  const double nd = static_cast<double>(grid.nside);
  const auto point = [&](double x, double y) {
    return face_point(p.face, (static_cast<double>(p.x) + x) / nd, (static_cast<double>(p.y) + y) / nd);
  };
  std::vector<Angle> out(static_cast<size_t>(4 * points_per_edge));
  for (int64_t i = 0; i < points_per_edge; ++i) {
    const double s = static_cast<double>(i) / static_cast<double>(points_per_edge);
    const auto at = [&](int64_t edge) -> Angle& { return out[static_cast<size_t>(edge * points_per_edge + i)]; };
    at(0) = point(1 - s, 1);
    at(1) = point(0, 1 - s);
    at(2) = point(s, 0);
    at(3) = point(1, s);
  }
  return out;
}

InterpolationWeights interpolation_weights(const HealpixGrid& grid, double theta, double phi) {
  check_healpix(grid);
  if (!is_angle(theta, phi)) throw_bad_angle(0, theta, phi);
  InterpolationWeights out = ring_interpolation(grid.nside, clamped_theta(theta), hi::quarter_turns(phi));
  if (grid.order != PixelOrder::Ring)
    for (int64_t& p : out.pixels) p = pixel_from_face_xy(grid, hi::face_from_ring(grid.nside, p));
  return out;
}

}  // namespace pear::sphere
