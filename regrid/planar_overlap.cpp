#include "regrid/planar_overlap.h"

#include <algorithm>
#include <cmath>

#include "base/constants.h"

namespace pear::regrid {
namespace {

/// Rounding of a coverage sum is about this times the height of the shape: no overlap can be told from it.
constexpr double kRounding = 1e-15;

const double kCutTheta = std::acos(2.0 / 3.0);  ///< colatitude of z = 2/3

/// floor and ceil - 1 for coordinates that are >= 0 up to rounding; without SSE4.1 std::floor is a call.
int64_t first_square(double low) { return static_cast<int64_t>(low); }
int64_t last_square(double high, int64_t first) {
  const auto whole = static_cast<int64_t>(high);
  return std::max(first, static_cast<double>(whole) == high ? whole - 1 : whole);
}

/// Adds up repeated pixels of the cell that starts at `begin`; only cells cut into pieces have any.
void merge_cell(CellLinks& out, size_t begin) {
  size_t kept = begin;
  for (size_t i = begin; i < out.pixel.size(); ++i) {
    size_t same = begin;
    while (same < kept && out.pixel[same] != out.pixel[i]) ++same;
    if (same < kept) {
      out.area[same] += out.area[i];
      continue;
    }
    out.pixel[kept] = out.pixel[i];
    out.area[kept++] = out.area[i];
  }
  out.pixel.resize(kept);
  out.area.resize(kept);
}

/// What an edge piece of height `d` (signed) between xl <= xr adds to the differences of coverage along one line of
/// squares: after summing from the left, every square holds the area to the right of the edge.
inline void cover(double xl, double xr, double d, double* sums) {
  const auto i = static_cast<int64_t>(xl);
  const double left = xl - static_cast<double>(i), right = xr - static_cast<double>(i);
  if (right <= 1) {
    const double mean = d * (left + right) / 2;
    sums[i] += d - mean;
    sums[i + 1] += mean;
    return;
  }
  const double slope = 1 / (right - left), first = 0.5 * slope * (1 - left) * (1 - left);
  int64_t last = static_cast<int64_t>(right);
  if (static_cast<double>(last) == right) --last;  // last >= 1: the square that holds the right end
  const double end = right - static_cast<double>(last), final = 0.5 * slope * end * end;
  sums[i] += d * first;
  if (last == 1) {
    sums[i + 1] += d * (1 - first - final);
  } else {
    const double second = slope * (1.5 - left);
    sums[i + 1] += d * (second - first);
    for (int64_t k = 2; k < last; ++k) sums[i + k] += d * slope;
    sums[i + last] += d * (1 - (second + static_cast<double>(last - 2) * slope) - final);
  }
  sums[i + last + 1] += d * final;
}

}  // namespace

PlanarOverlap::PlanarOverlap(const RowGrid& rows, int64_t nside, std::span<const int32_t> number_from_ring)
    : rows_(rows), n_(nside), side_(static_cast<double>(nside)), number_from_ring_(number_from_ring) {}

double PlanarOverlap::sigma(double distance) const {
  return std::min(side_ * std::sqrt(6.0) * std::sin(distance / 2), side_);
}

double PlanarOverlap::cell_area(int64_t row) const {
  return 3.0 * side_ * side_ / kPi * rows_.row_step_deg(row) * kRadPerDeg * rows_.band(row);
}

double PlanarOverlap::expected_links(int64_t first, int64_t last) const {
  double sum = 0;
  for (int64_t j = first; j < last; ++j) {
    const double area = cell_area(j), width = side_ * rows_.row_step_deg(j) / 90.0;
    // In the belt both sides lie at 45 degrees: the box is as wide and as high as the two sides together.
    sum += static_cast<double>(rows_.length[static_cast<size_t>(j)]) * (area + 2 * (width + area / (2 * width)) + 1);
  }
  return sum;
}

void PlanarOverlap::columns_of(int64_t row) {
  const auto j = static_cast<size_t>(row);
  if (columns_row_ >= 0 && rows_.length[static_cast<size_t>(columns_row_)] == rows_.length[j]) return;
  columns_row_ = row;
  const int64_t columns = rows_.length[j];
  turn_.resize(static_cast<size_t>(columns) + 1);
  within_.resize(static_cast<size_t>(columns) + 1);
  for (int64_t i = 0; i <= columns; ++i) {
    const RowGrid::Edge e = rows_.edge_in_quarters(row, i);
    turn_[static_cast<size_t>(i)] = e.turn;
    within_[static_cast<size_t>(i)] = e.within;
  }
}

int PlanarOverlap::bands_of(int64_t row, Band* out) const {
  const double north = rows_.theta_bounds[static_cast<size_t>(row)];
  const double south = rows_.theta_bounds[static_cast<size_t>(row) + 1];
  const double cut_north = kCutTheta, cut_south = kPi - kCutTheta;
  int count = 0;
  if (north < cut_north) out[count++] = {Region::North, sigma(north), south < cut_north ? sigma(south) : side_};
  if (south > cut_north && north < cut_south)
    out[count++] = {Region::Belt, south >= cut_south ? -side_ / 2 : 0.75 * side_ * std::cos(south),
                    north <= cut_north ? side_ / 2 : 0.75 * side_ * std::cos(north)};
  if (south > cut_south)
    out[count++] = {Region::South, sigma(kPi - south), north > cut_south ? sigma(kPi - north) : side_};
  return count;
}

void PlanarOverlap::row(int64_t row, CellLinks& out) {
  columns_of(row);
  Band band[3];
  const int bands = bands_of(row, band);
  const double whole = bands == 1 ? cell_area(row) : 0;  // 0: pieces of cells have areas of their own
  const bool wide = rows_.row_step_deg(row) > 90;
  for (size_t i = 0; i + 1 < turn_.size(); ++i) {
    const size_t begin = out.pixel.size();
    for (int k = 0; k < bands; ++k)
      band[k].region == Region::Belt ? belt(band[k], i, whole, out) : cap(band[k], i, whole, out);
    const bool cut = bands > 1 || wide || turn_[i] != turn_[i + 1];
    if (cut && out.pixel.size() - begin > 1) merge_cell(out, begin);
    out.count.push_back(static_cast<int32_t>(out.pixel.size() - begin));
  }
}

void PlanarOverlap::belt(const Band& band, size_t column, double whole, CellLinks& out) {
  // Whole quarter turns are taken off first: small coordinates keep more digits.
  const double turns = static_cast<double>(turn_[column + 1] - turn_[column]);
  const double west = side_ * (0.5 + within_[column]), east = side_ * (0.5 + turns + within_[column + 1]);
  const double low = band.low, high = band.high;
  const Quad quad{
      {{west - high, west + high}, {west - low, west + low}, {east - low, east + low}, {east - high, east + high}},
      west - high,
      east - low,
      west + low,
      east + high,
      whole > 0 ? whole : 2 * (east - west) * (high - low)};
  squares(quad, {Region::Belt, turn_[column]}, out);
}

void PlanarOverlap::cap(const Band& band, size_t column, double whole, CellLinks& out) {
  const double near = band.low, far = band.high;
  const int64_t first = turn_[column], end = turn_[column + 1];
  for (int64_t facet = first; facet <= end; ++facet) {
    const double t1 = facet == first ? within_[column] : 0.0, t2 = facet == end ? within_[column + 1] : 1.0;
    if (!(t2 > t1)) continue;
    const double size = whole > 0 && first == end ? whole : (t2 - t1) * (far - near) * (far + near) / 2;
    const Quad quad{{{t1 * near, (1 - t1) * near},
                     {t2 * near, (1 - t2) * near},
                     {t2 * far, (1 - t2) * far},
                     {t1 * far, (1 - t1) * far}},
                    t1 * near,
                    t2 * far,
                    (1 - t2) * near,
                    (1 - t1) * far,
                    size};
    squares(quad, {band.region, facet}, out);
  }
}

void PlanarOverlap::squares(const Quad& quad, Place place, CellLinks& out) {
  const int64_t a0 = first_square(quad.a_min), a1 = last_square(quad.a_max, a0);
  const int64_t b0 = first_square(quad.b_min), b1 = last_square(quad.b_max, b0);
  if (a0 == a1 && b0 == b1) return emit(place, a0, b0, quad.area, out);
  const int64_t stride = a1 - a0 + 3, lines = b1 - b0 + 1;  // two more: sums of an edge on the right border
  sums_.assign(static_cast<size_t>(stride * lines), 0.0);
  const double a = static_cast<double>(a0), b = static_cast<double>(b0);
  Point p[4];
  for (int k = 0; k < 4; ++k) p[k] = {std::max(quad.point[k].a - a, 0.0), std::max(quad.point[k].b - b, 0.0)};
  for (int k = 0; k < 4; ++k) edge(p[k], p[(k + 1) % 4], sums_.data(), stride);
  const double least = kRounding * (quad.b_max - quad.b_min);
  for (int64_t y = 0; y < lines; ++y) {
    double area = 0;
    const double* line = sums_.data() + y * stride;
    for (int64_t x = 0; x + 2 < stride; ++x) {
      area += line[x];
      if (area > least) emit(place, a0 + x, b0 + y, area, out);
    }
  }
}

/// Counter-clockwise shapes: falling edges are on the left and add the area to their right, rising ones take it away.
void PlanarOverlap::edge(Point from, Point to, double* sums, int64_t stride) const {
  if (from.b == to.b) return;
  const double sign = from.b > to.b ? 1.0 : -1.0;
  const Point low = from.b > to.b ? to : from, high = from.b > to.b ? from : to;
  const double step = (high.a - low.a) / (high.b - low.b);
  double x = low.a, y = low.b;
  for (auto line = static_cast<int64_t>(y);; ++line) {
    const double bound = static_cast<double>(line + 1);
    const bool last = high.b <= bound;
    const double y_next = last ? high.b : bound;
    const double x_next = last ? high.a : low.a + (bound - low.b) * step;
    cover(std::min(x, x_next), std::max(x, x_next), sign * (y_next - y), sums + line * stride);
    if (last) return;
    x = x_next;
    y = y_next;
  }
}

inline void PlanarOverlap::emit(Place place, int64_t a, int64_t b, double area, CellLinks& out) const {
  int64_t pixel;
  if (place.region == Region::Belt) {
    const int64_t ring = std::clamp(2 * n_ + a - b, n_, 3 * n_);
    int64_t p = ((a + b - n_ + ((ring - n_) & 1) + 1) >> 1) + place.turn * n_;
    while (p < 0) p += 4 * n_;
    while (p >= 4 * n_) p -= 4 * n_;
    pixel = 2 * n_ * (n_ - 1) + 4 * n_ * (ring - n_) + p;
  } else {
    const int64_t ring = a + b + 1;
    if (ring > n_) return;  // beyond the rim of the cap: rounding
    const int64_t p = (place.turn & 3) * ring + a;
    pixel = place.region == Region::North ? 2 * ring * (ring - 1) + p : 12 * n_ * n_ - 2 * ring * (ring + 1) + p;
  }
  out.pixel.push_back(number_from_ring_.empty() ? static_cast<int32_t>(pixel)
                                                : number_from_ring_[static_cast<size_t>(pixel)]);
  out.area.push_back(area);
}

}  // namespace pear::regrid
