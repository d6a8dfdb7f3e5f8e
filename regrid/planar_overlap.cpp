#include "regrid/planar_overlap.h"

#include <algorithm>
#include <cmath>

#include "base/constants.h"

namespace pear::regrid {
namespace {

int64_t wrap(int64_t i, int64_t n) {
  const int64_t r = i % n;
  return r < 0 ? r + n : r;
}

}  // namespace

PlanarOverlap::PlanarOverlap(int64_t nside) : n_(nside), z_cut_theta_(std::acos(2.0 / 3.0)) {}

double PlanarOverlap::sigma(double distance) const {
  return std::min(static_cast<double>(n_) * std::sqrt(6.0) * std::sin(distance / 2), static_cast<double>(n_));
}

int64_t PlanarOverlap::pixel(Place place, int64_t a, int64_t b) const {
  if (place.region == Region::Belt) {
    const int64_t ring = 2 * n_ + a - b;
    const int64_t h = wrap(ring - n_, 2);
    const int64_t p = wrap(((a + b - n_ + h + 1) >> 1) + place.turn * n_, 4 * n_);
    return 2 * n_ * (n_ - 1) + 4 * n_ * (ring - n_) + p;
  }
  const int64_t ring = a + b + 1, p = wrap(place.turn, 4) * ring + a;
  if (place.region == Region::North) return 2 * ring * (ring - 1) + p;
  return 12 * n_ * n_ - 2 * ring * (ring + 1) + p;
}

PlanarOverlap::Polygon PlanarOverlap::clip(const Polygon& polygon, double Point::*axis, double bound, bool keep_above) {
  double Point::*other = axis == &Point::a ? &Point::b : &Point::a;
  Polygon out;
  for (int i = 0; i < polygon.size; ++i) {
    const Point& p = polygon.point[i];
    const Point& q = polygon.point[i + 1 == polygon.size ? 0 : i + 1];
    const double dp = keep_above ? p.*axis - bound : bound - p.*axis;
    const double dq = keep_above ? q.*axis - bound : bound - q.*axis;
    if (dp >= 0) out.point[out.size++] = p;
    if ((dp > 0 && dq < 0) || (dp < 0 && dq > 0)) {
      // From the inner end outwards, so that the two sides of a cut get the same point.
      const bool forward = p.*axis < q.*axis;
      const Point& low = forward ? p : q;
      const Point& high = forward ? q : p;
      const double f = (bound - low.*axis) / (high.*axis - low.*axis);
      Point& cut = out.point[out.size++];
      cut.*axis = bound;
      cut.*other = low.*other + f * (high.*other - low.*other);
    }
  }
  return out;
}

double PlanarOverlap::area(const Polygon& polygon) {
  double twice = 0;
  const Point& o = polygon.point[0];
  for (int i = 1; i + 1 < polygon.size; ++i) {
    const Point &p = polygon.point[i], &q = polygon.point[i + 1];
    twice += (p.a - o.a) * (q.b - o.b) - (q.a - o.a) * (p.b - o.b);
  }
  return std::abs(twice) / 2;
}

void PlanarOverlap::squares(const Polygon& polygon, Place place, std::vector<Overlap>& out) const {
  const auto range = [&](const Polygon& p, double Point::*axis) {
    double low = p.point[0].*axis, high = low;
    for (int i = 1; i < p.size; ++i) {
      low = std::min(low, p.point[i].*axis);
      high = std::max(high, p.point[i].*axis);
    }
    return std::pair(static_cast<int64_t>(std::floor(low)), static_cast<int64_t>(std::ceil(high)) - 1);
  };
  const auto [b_first, b_last] = range(polygon, &Point::b);
  for (int64_t b = b_first; b <= b_last; ++b) {
    Polygon strip = polygon;
    if (b > b_first) strip = clip(strip, &Point::b, static_cast<double>(b), true);
    if (b < b_last) strip = clip(strip, &Point::b, static_cast<double>(b + 1), false);
    if (strip.size < 3) continue;
    const auto [a_first, a_last] = range(strip, &Point::a);
    for (int64_t a = a_first; a <= a_last; ++a) {
      Polygon piece = strip;
      if (a > a_first) piece = clip(piece, &Point::a, static_cast<double>(a), true);
      if (a < a_last) piece = clip(piece, &Point::a, static_cast<double>(a + 1), false);
      if (piece.size < 3) continue;
      const double overlap = area(piece);
      if (overlap > 0) out.push_back({pixel(place, a, b), overlap});
    }
  }
}

void PlanarOverlap::belt(double west, double east, double north, double south, std::vector<Overlap>& out) const {
  // Whole quarter turns are taken off first: small coordinates keep more digits.
  const double turn = std::floor(west), n = static_cast<double>(n_);
  const double t[2] = {west - turn, east - turn};
  const double cut_north = z_cut_theta_, cut_south = kPi - z_cut_theta_;
  const double z[2] = {north <= cut_north ? 2.0 / 3.0 : std::cos(north),
                       south >= cut_south ? -2.0 / 3.0 : std::cos(south)};
  const auto corner = [&](double tt, double zz) {
    return Point{n * (0.5 + tt - 0.75 * zz), n * (0.5 + tt + 0.75 * zz)};
  };
  const Polygon quad{{corner(t[0], z[0]), corner(t[1], z[0]), corner(t[1], z[1]), corner(t[0], z[1])}, 4};
  squares(quad, {Region::Belt, static_cast<int64_t>(turn)}, out);
}

void PlanarOverlap::cap(Region region, double west, double east, double near, double far,
                        std::vector<Overlap>& out) const {
  const double s[2] = {sigma(near), near < z_cut_theta_ && far >= z_cut_theta_ ? static_cast<double>(n_) : sigma(far)};
  const auto first = static_cast<int64_t>(std::floor(west)), last = static_cast<int64_t>(std::ceil(east)) - 1;
  for (int64_t facet = first; facet <= last; ++facet) {
    const double base = static_cast<double>(facet);
    const double t1 = std::max(west - base, 0.0), t2 = std::min(east - base, 1.0);
    if (!(t2 > t1)) continue;
    const auto corner = [](double tt, double ss) { return Point{tt * ss, (1 - tt) * ss}; };
    Polygon quad;
    quad.point[quad.size++] = corner(t1, s[0]);
    if (s[0] > 0) quad.point[quad.size++] = corner(t2, s[0]);
    quad.point[quad.size++] = corner(t2, s[1]);
    quad.point[quad.size++] = corner(t1, s[1]);
    squares(quad, {region, facet}, out);
  }
}

void PlanarOverlap::cell(const CellBounds& c, std::vector<Overlap>& out) const {
  out.clear();
  const double cut_north = z_cut_theta_, cut_south = kPi - z_cut_theta_;
  if (c.north < cut_north) cap(Region::North, c.west, c.east, c.north, std::min(c.south, cut_north), out);
  if (c.south > cut_north && c.north < cut_south)
    belt(c.west, c.east, std::max(c.north, cut_north), std::min(c.south, cut_south), out);
  if (c.south > cut_south) cap(Region::South, c.west, c.east, kPi - c.south, kPi - std::max(c.north, cut_south), out);
  if (out.size() < 2) return;
  std::sort(out.begin(), out.end(), [](const Overlap& x, const Overlap& y) { return x.pixel < y.pixel; });
  size_t kept = 0;
  for (size_t i = 1; i < out.size(); ++i) {
    if (out[i].pixel == out[kept].pixel)
      out[kept].area += out[i].area;
    else
      out[++kept] = out[i];
  }
  out.resize(kept + 1);
}

}  // namespace pear::regrid
