// Nearest and linear weights at the centres of the target cells.
#include <algorithm>
#include <cmath>

#include "base/constants.h"
#include "regrid/makers.h"
#include "regrid/row_grid.h"
#include "sphere/grid/healpix.h"

namespace pear::regrid {
namespace {

constexpr double kEdgeDeg = 1e-9;  // rounding of coordinates at the border of a regional grid

/// Column as a real number, 0 at the first; regional: nullopt-like -1 when outside [-margin, last + margin].
struct ColumnPosition {
  double x;
  bool inside;
};
ColumnPosition column_position(const RowGrid& g, int64_t row, double lon_deg, double margin) {
  const double step = g.row_step_deg(row);
  const auto columns = static_cast<double>(g.length[static_cast<size_t>(row)]);
  double x = (lon_deg - g.first_deg) / step;
  if (!g.regional) {
    if (!(x >= 0 && x < columns)) x -= columns * std::floor(x / columns);
    return {x >= columns ? 0.0 : x, true};
  }
  const double turn = 360.0 / step, tolerance = margin + kEdgeDeg / step;
  x -= turn * std::floor((x + tolerance) / turn);  // the first turn at or after the western border
  return {std::clamp(x, 0.0, columns - 1), x <= columns - 1 + tolerance};
}

void linear_in_row(const RowGrid& g, int64_t row, double lon_deg, double weight, std::vector<Link>& out) {
  const ColumnPosition p = column_position(g, row, lon_deg, 0.0);
  if (!p.inside) return;
  const int64_t columns = g.length[static_cast<size_t>(row)];
  const auto first = static_cast<int64_t>(p.x);  // never negative
  const double f = p.x - static_cast<double>(first);
  const int64_t cell = g.first_cell[static_cast<size_t>(row)];
  out.push_back({cell + first, weight * (1 - f)});
  if (f > 0) out.push_back({cell + (first + 1 == columns ? 0 : first + 1), weight * f});
}

void mean_of_row(const RowGrid& g, int64_t row, double weight, std::vector<Link>& out) {
  const int64_t columns = g.length[static_cast<size_t>(row)];
  for (int64_t i = 0; i < columns; ++i)
    out.push_back({g.first_cell[static_cast<size_t>(row)] + i, weight / static_cast<double>(columns)});
}

/// Between the nearest row and its pole: the virtual pole row is the mean of that row.
void linear_to_pole(const RowGrid& g, int64_t row, double pole_theta, double theta, double lon_deg,
                    std::vector<Link>& out) {
  const double f = (theta - g.theta[static_cast<size_t>(row)]) / (pole_theta - g.theta[static_cast<size_t>(row)]);
  linear_in_row(g, row, lon_deg, 1 - f, out);
  if (f > 0) mean_of_row(g, row, f, out);
}

void bilinear(const RowGrid& g, double theta, double lon_deg, std::vector<Link>& out) {
  const int64_t last = g.num_rows() - 1;
  const double edge = kEdgeDeg * kRadPerDeg;
  if (g.regional) {
    if (theta < g.theta.front() - edge || theta > g.theta.back() + edge) return;
    theta = std::clamp(theta, g.theta.front(), g.theta.back());
  }
  if (theta < g.theta.front()) return linear_to_pole(g, 0, 0.0, theta, lon_deg, out);
  if (theta > g.theta.back()) return linear_to_pole(g, last, kPi, theta, lon_deg, out);
  const auto it = std::upper_bound(g.theta.begin(), g.theta.end(), theta);
  const int64_t row = std::min<int64_t>(it - g.theta.begin() - 1, last);
  if (row == last) return linear_in_row(g, row, lon_deg, 1.0, out);
  const double above = g.theta[static_cast<size_t>(row)], below = g.theta[static_cast<size_t>(row) + 1];
  const double f = (theta - above) / (below - above);
  linear_in_row(g, row, lon_deg, 1 - f, out);
  if (f > 0) linear_in_row(g, row + 1, lon_deg, f, out);
}

struct Candidate {
  int64_t column;
  double offset;  ///< columns between the point and the centre
  bool inside;
};
Candidate nearest_in_row(const RowGrid& g, int64_t row, double lon_deg) {
  const ColumnPosition p = column_position(g, row, lon_deg, 0.5);
  const int64_t columns = g.length[static_cast<size_t>(row)], low = static_cast<int64_t>(p.x);
  const double f = p.x - static_cast<double>(low);
  const int64_t high = low + 1 == columns ? 0 : low + 1;
  // The lower index wins a tie, also one that rounding has broken.
  const bool up = f > 0.5 + 1e-12 || (f >= 0.5 - 1e-12 && high < low);
  return {up ? high : low, up ? 1 - f : f, p.inside};
}

/// sin^2 of half the distance between a point and a cell centre.
double half_distance_squared(const RowGrid& g, int64_t row, double offset, double theta) {
  const double across = std::sin(offset * g.row_step_deg(row) * kRadPerDeg / 2);
  const double along = std::sin((theta - g.theta[static_cast<size_t>(row)]) / 2);
  return along * along + std::sin(theta) * std::sin(g.theta[static_cast<size_t>(row)]) * across * across;
}

/// Rounding per axis; where rows have columns of their own, the nearer of the two rows' candidates on the sphere.
void nearest(const RowGrid& g, double theta, double lon_deg, std::vector<Link>& out) {
  if (g.regional &&
      (theta < g.theta_bounds.front() - kEdgeDeg * kRadPerDeg || theta > g.theta_bounds.back() + kEdgeDeg * kRadPerDeg))
    return;
  const auto it = std::lower_bound(g.theta.begin(), g.theta.end(), theta);
  int64_t row = std::min<int64_t>(it - g.theta.begin(), g.num_rows() - 1);
  if (row > 0) {
    const auto below = static_cast<size_t>(row);
    bool upper = theta - g.theta[below - 1] <= g.theta[below] - theta + 1e-14;
    if (g.length[below - 1] != g.length[below]) {
      const double above = half_distance_squared(g, row - 1, nearest_in_row(g, row - 1, lon_deg).offset, theta);
      upper = above <= half_distance_squared(g, row, nearest_in_row(g, row, lon_deg).offset, theta) * (1 + 1e-12);
    }
    if (upper) --row;
  }
  const Candidate c = nearest_in_row(g, row, lon_deg);
  if (c.inside) out.push_back({g.first_cell[static_cast<size_t>(row)] + c.column, 1.0});
}

}  // namespace

void points_from_row_cells(Weights& out) {
  const RowGrid g = row_grid(out.source);
  const auto points = out.target.centres();
  const bool linear = out.method == Method::Bilinear;
  fill_rows(out, [&](int64_t t, std::vector<Link>& row) {
    const auto i = static_cast<size_t>(t);
    const double theta = (90.0 - points.lat_deg[i]) * kRadPerDeg;
    linear ? bilinear(g, theta, points.lon_deg[i], row) : nearest(g, theta, points.lon_deg[i], row);
  });
}

void points_from_healpix(Weights& out) {
  const sphere::HealpixGrid& h = out.source.healpix();
  const auto points = out.target.centres();
  const bool linear = out.method == Method::Bilinear;
  fill_rows(out, [&](int64_t t, std::vector<Link>& row) {
    const auto i = static_cast<size_t>(t);
    const double theta = (90.0 - points.lat_deg[i]) * kRadPerDeg, phi = points.lon_deg[i] * kRadPerDeg;
    if (!linear) {
      row.push_back({sphere::ang2pix(h, theta, phi), 1.0});
      return;
    }
    const auto four = sphere::interpolation_weights(h, theta, phi);
    for (size_t k = 0; k < 4; ++k) row.push_back({four.pixels[k], four.weights[k]});
  });
}

}  // namespace pear::regrid
