#include "regrid/planar_overlap.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/constants.h"
#include "sphere/grid/healpix.h"

namespace pear::regrid {
namespace {

constexpr double kBeltZ = 2.0 / 3.0;
/// Slivers below this share of a pixel are rounding of coordinates of the order of nside.
constexpr double kSliver = 1e-13;

struct Point {
  double a, b;
};

/// Convex polygon with few vertices; clipping a quadrilateral by four half planes leaves at most eight.
struct Polygon {
  std::array<Point, 12> v;
  int n = 0;
  void add(Point p) { v[static_cast<size_t>(n++)] = p; }
};

template <double Point::*Axis>
void bounds(const Polygon& p, double& low, double& high) {
  low = high = p.v[0].*Axis;
  for (int i = 1; i < p.n; ++i) {
    low = std::min(low, p.v[static_cast<size_t>(i)].*Axis);
    high = std::max(high, p.v[static_cast<size_t>(i)].*Axis);
  }
}

/// Keeps the side of the line `axis = limit` where sign * (coordinate - limit) >= 0.
template <double Point::*Axis>
Polygon clip(const Polygon& p, double limit, double sign) {
  Polygon out;
  for (int i = 0; i < p.n; ++i) {
    const Point& from = p.v[static_cast<size_t>(i)];
    const Point& to = p.v[static_cast<size_t>((i + 1) % p.n)];
    const double d0 = sign * (from.*Axis - limit), d1 = sign * (to.*Axis - limit);
    if (d0 >= 0) out.add(from);
    if ((d0 > 0 && d1 < 0) || (d0 < 0 && d1 > 0)) {
      const double s = d0 / (d0 - d1);
      Point cut{from.a + s * (to.a - from.a), from.b + s * (to.b - from.b)};
      cut.*Axis = limit;
      out.add(cut);
    }
  }
  return out;
}

/// Fan about the first vertex, so that large coordinates cancel before they are multiplied.
double area(const Polygon& p) {
  double twice = 0;
  for (int i = 1; i + 1 < p.n; ++i) {
    const Point &o = p.v[0], &x = p.v[static_cast<size_t>(i)], &y = p.v[static_cast<size_t>(i + 1)];
    twice += (x.a - o.a) * (y.b - o.b) - (y.a - o.a) * (x.b - o.b);
  }
  return std::abs(twice) / 2;
}

/// Splits a polygon into unit squares and passes (A, B, area) on.
template <class Emit>
void for_each_square(const Polygon& whole, const Emit& emit) {
  double b0, b1, a0, a1;
  bounds<&Point::b>(whole, b0, b1);
  bounds<&Point::a>(whole, a0, a1);
  if (std::floor(a0) == std::floor(a1) && std::floor(b0) == std::floor(b1)) {
    emit(static_cast<int64_t>(std::floor(a0)), static_cast<int64_t>(std::floor(b0)), area(whole));
    return;
  }
  for (double row = std::floor(b0); row < b1; row += 1) {
    Polygon strip = b0 < row ? clip<&Point::b>(whole, row, 1) : whole;
    if (b1 > row + 1) strip = clip<&Point::b>(strip, row + 1, -1);
    if (strip.n < 3) continue;
    bounds<&Point::a>(strip, a0, a1);
    for (double column = std::floor(a0); column < a1; column += 1) {
      Polygon square = a0 < column ? clip<&Point::a>(strip, column, 1) : strip;
      if (a1 > column + 1) square = clip<&Point::a>(square, column + 1, -1);
      if (square.n >= 3) emit(static_cast<int64_t>(column), static_cast<int64_t>(row), area(square));
    }
  }
}

/// One band of a row between two colatitudes that lies wholly in the belt or in one cap.
struct Band {
  bool belt = true, north = true;
  double low = 0, high = 0;  ///< belt: 3 n z / 4 at the two bounds; cap: sigma at the two bounds
};

std::vector<Band> bands(double theta1, double theta2, int64_t nside) {
  const double n = static_cast<double>(nside), edge = std::acos(kBeltZ), root = std::sqrt(6.0);
  std::vector<Band> out;
  if (theta1 < edge)
    out.push_back({false, true, n * root * std::sin(theta1 / 2), theta2 < edge ? n * root * std::sin(theta2 / 2) : n});
  const double belt1 = std::max(theta1, edge), belt2 = std::min(theta2, kPi - edge);
  if (belt1 < belt2) {
    const auto height = [&](double theta) {
      if (theta == edge) return n / 2;
      return theta == kPi - edge ? -n / 2 : 0.75 * n * std::cos(theta);
    };
    out.push_back({true, true, height(belt1), height(belt2)});
  }
  if (theta2 > kPi - edge)
    out.push_back({false, false, theta1 > kPi - edge ? n * root * std::sin((kPi - theta1) / 2) : n,
                   n * root * std::sin((kPi - theta2) / 2)});
  return out;
}

class RowWriter {
 public:
  RowWriter(const sphere::HealpixGrid& grid, std::vector<Overlap>& out) : grid_(grid), out_(out) {}

  void cell(int64_t index, double t1, double t2, const Band& band) {
    cell_ = index;
    if (band.belt)
      belt(t1, t2, band);
    else
      for (double facet = std::floor(t1); facet < t2; facet += 1)
        cap(facet, std::max(0.0, t1 - facet), std::min(1.0, t2 - facet), band);
  }

 private:
  void belt(double t1, double t2, const Band& band) {
    const double n = static_cast<double>(grid_.nside), base = n / 2;
    Polygon p;
    p.add({base + n * t1 - band.low, base + n * t1 + band.low});
    p.add({base + n * t2 - band.low, base + n * t2 + band.low});
    p.add({base + n * t2 - band.high, base + n * t2 + band.high});
    p.add({base + n * t1 - band.high, base + n * t1 + band.high});
    for_each_square(p, [&](int64_t a, int64_t b, double size) {
      if (size > kSliver) emit(sphere::pixel_from_face_xy(grid_, belt_pixel(a, b)), size);
    });
  }

  void cap(double facet, double tau1, double tau2, const Band& band) {
    Polygon p;
    p.add({tau1 * band.low, (1 - tau1) * band.low});
    p.add({tau2 * band.low, (1 - tau2) * band.low});
    p.add({tau2 * band.high, (1 - tau2) * band.high});
    p.add({tau1 * band.high, (1 - tau1) * band.high});
    const int64_t n = grid_.nside, face = wrap4(static_cast<int64_t>(facet));
    for_each_square(p, [&](int64_t a, int64_t b, double size) {
      if (size <= kSliver) return;
      a = std::clamp<int64_t>(a, 0, n - 1);
      b = std::clamp<int64_t>(b, 0, n - 1);
      const sphere::FaceXy at =
          band.north ? sphere::FaceXy{face, n - 1 - b, n - 1 - a} : sphere::FaceXy{8 + face, a, b};
      emit(sphere::pixel_from_face_xy(grid_, at), size);
    });
  }

  static int64_t wrap4(int64_t f) { return ((f % 4) + 4) % 4; }

  sphere::FaceXy belt_pixel(int64_t a, int64_t b) const {
    const int64_t n = grid_.nside;
    const auto floor_div = [n](int64_t v) { return v >= 0 ? v / n : (v - n + 1) / n; };
    const int64_t p = floor_div(a), q = floor_div(b);
    const int64_t face = p == q ? 4 + wrap4(p) : (p < q ? wrap4(p) : 8 + wrap4(q));
    return {face, b - q * n, n - 1 - (a - p * n)};
  }

  void emit(int64_t pixel, double size) { out_.push_back({pixel, cell_, size}); }

  sphere::HealpixGrid grid_;
  std::vector<Overlap>& out_;
  int64_t cell_ = 0;
};

}  // namespace

std::vector<Overlap> row_overlaps(const RowGrid& rows, int64_t row, const sphere::HealpixGrid& pixels) {
  const auto j = static_cast<size_t>(row);
  std::vector<Overlap> out;
  const auto cuts = bands(rows.theta_bounds[j], rows.theta_bounds[j + 1], pixels.nside);
  RowWriter writer(pixels, out);
  const double quarter = kPi / 2;
  for (int64_t i = 0; i < rows.columns[j]; ++i) {
    const double t1 = (rows.west[j] + static_cast<double>(i) * rows.width[j]) / quarter;
    const double t2 = (rows.west[j] + static_cast<double>(i + 1) * rows.width[j]) / quarter;
    for (const Band& band : cuts) writer.cell(rows.first[j] + i, t1, t2, band);
  }
  return out;
}

}  // namespace pear::regrid
