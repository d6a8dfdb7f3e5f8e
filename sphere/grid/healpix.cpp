#include "sphere/grid/healpix.h"

#include "sphere/grid/healpix_checks.h"
#include "sphere/grid/healpix_index.h"

namespace pear::sphere {
namespace hi = healpix_index;
namespace {

/// Colatitude of every ring, by ring number, if there are enough points to earn the table; else empty.
std::vector<double> ring_thetas(int64_t n, size_t num_points) {
  const int64_t rings = 4 * n - 1;
  std::vector<double> table;
  if (static_cast<int64_t>(num_points) < 2 * rings) return table;
  table.resize(static_cast<size_t>(rings + 1));
  for (int64_t ring = 1; ring <= rings; ++ring) table[static_cast<size_t>(ring)] = hi::ring_theta(n, ring);
  return table;
}

void check_angles(std::span<const double> theta, std::span<const double> phi) {
  size_t bad = 0;
  for (size_t i = 0; i < theta.size(); ++i) bad += is_angle(theta[i], phi[i]) ? 0 : 1;
  if (bad == 0) return;
  for (size_t i = 0; i < theta.size(); ++i)
    if (!is_angle(theta[i], phi[i])) throw_bad_angle(i, theta[i], phi[i]);
}

}  // namespace

int64_t num_pixels(int64_t nside) { return 12 * nside * nside; }

FaceXy face_xy_from_pixel(const HealpixGrid& grid, int64_t pixel) {
  check_healpix(grid);
  check_pixel(grid.nside, pixel);
  return hi::with_order(grid.order, [&](auto order) { return hi::face_from_pixel<order()>(grid.nside, pixel); });
}

int64_t pixel_from_face_xy(const HealpixGrid& grid, FaceXy p) {
  check_healpix(grid);
  const int64_t n = grid.nside;
  check_face(n, p);
  return hi::with_order(grid.order, [&](auto order) { return hi::pixel_from_face<order()>(n, p); });
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

RingPosition ring_position(int64_t nside, int64_t ring_index) {
  check_pixel(nside, ring_index);
  return hi::position(nside, ring_index);
}

int64_t ring_length(int64_t nside, int64_t ring) {
  check_ring(nside, ring);
  return 4 * hi::quarter(nside, ring);
}

int64_t ring_start(int64_t nside, int64_t ring) {
  check_ring(nside, ring);
  return hi::start(nside, ring);
}

int64_t ang2pix(const HealpixGrid& grid, double theta, double phi) {
  int64_t pixel = 0;
  ang2pix(grid, {&theta, 1}, {&phi, 1}, {&pixel, 1});
  return pixel;
}

Angle pix2ang(const HealpixGrid& grid, int64_t pixel) {
  Angle a{};
  pix2ang(grid, {&pixel, 1}, {&a.theta, 1}, {&a.phi, 1});
  return a;
}

void ang2pix(const HealpixGrid& grid, std::span<const double> theta, std::span<const double> phi,
             std::span<int64_t> out) {
  check_healpix(grid);
  check_same_size("angles and pixels", {theta.size(), phi.size(), out.size()});
  check_angles(theta, phi);
  const int64_t n = grid.nside;
  hi::with_order(grid.order, [&](auto order) {
    for (size_t i = 0; i < theta.size(); ++i) {
      const double t = clamped_theta(theta[i]);
      if constexpr (order() == PixelOrder::Ring)
        out[i] = hi::ring_from_angle(n, t, phi[i]);
      else
        out[i] = hi::pixel_from_face<order()>(n, hi::face_from_angle(n, t, phi[i]));
    }
  });
}

void pix2ang(const HealpixGrid& grid, std::span<const int64_t> pixels, std::span<double> theta, std::span<double> phi) {
  check_healpix(grid);
  check_same_size("pixels and angles", {pixels.size(), theta.size(), phi.size()});
  for (int64_t p : pixels) check_pixel(grid.nside, p);
  const int64_t n = grid.nside;
  const std::vector<double> table = ring_thetas(n, pixels.size());
  hi::with_order(grid.order, [&](auto order) {
    for (size_t i = 0; i < pixels.size(); ++i) {
      RingPosition at;
      if constexpr (order() == PixelOrder::Ring)
        at = hi::position(n, pixels[i]);
      else
        at = hi::position_from_face(n, hi::face_from_pixel<order()>(n, pixels[i]));
      theta[i] = table.empty() ? hi::ring_theta(n, at.ring) : table[static_cast<size_t>(at.ring)];
      phi[i] = hi::ring_phi(n, at.ring, at.position);
    }
  });
}

void convert_order(int64_t nside, PixelOrder from, PixelOrder to, std::span<const int64_t> pixels,
                   std::span<int64_t> out) {
  check_healpix({nside, from});
  check_healpix({nside, to});
  check_same_size("pixels of two orders", {pixels.size(), out.size()});
  for (int64_t p : pixels) check_pixel(nside, p);
  hi::with_order(from, [&](auto source) {
    hi::with_order(to, [&](auto target) {
      for (size_t i = 0; i < pixels.size(); ++i)
        out[i] = hi::pixel_from_face<target()>(nside, hi::face_from_pixel<source()>(nside, pixels[i]));
    });
  });
}

}  // namespace pear::sphere
