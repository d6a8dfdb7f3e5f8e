#include "regrid/point_methods.h"

#include <algorithm>
#include <cmath>

#include "base/constants.h"
#include "regrid/row_grid.h"
#include "sphere/grid/healpix.h"

namespace pear::regrid {
namespace {

constexpr double kTurn = 2 * kPi;
/// Points this far (in cells) beyond the border of a regional source still belong to it: coordinates are rounded.
constexpr double kBorder = 1e-6;
/// Weights below this are rounding of coordinates, not information.
constexpr double kNothing = 1e-14;

/// Position of a longitude in cells from the first centre of the row; global rows wrap.
double column_position(const RowGrid& g, size_t row, double phi) {
  const double first = g.west[row] + g.width[row] / 2;
  double x = phi - first;
  x -= std::floor(x / kTurn) * kTurn;
  if (!g.is_global && x > kTurn - kBorder * g.width[row]) x -= kTurn;
  return x / g.width[row];
}

class BilinearRows {
 public:
  explicit BilinearRows(const RowGrid& g) : g_(g) {}

  void links(int64_t target, double theta, double phi, std::vector<Link>& out) const {
    const auto& rows = g_.theta;
    const auto upper = std::upper_bound(rows.begin(), rows.end(), theta);
    const auto below = static_cast<size_t>(upper - rows.begin());  // first row south of the point
    if (below == 0) return beyond(target, 0, theta / rows.front(), phi, theta, rows.front(), out);
    if (below == rows.size())
      return beyond(target, rows.size() - 1, (kPi - theta) / (kPi - rows.back()), phi, theta, rows.back(), out);
    const double w = (theta - rows[below - 1]) / (rows[below] - rows[below - 1]);
    row(target, below - 1, phi, 1 - w, out);
    row(target, below, phi, w, out);
  }

 private:
  /// Between the outermost row and the pole: w of the row, the rest of the row's mean. Exactly on the row: the row.
  void beyond(int64_t target, size_t r, double w, double phi, double theta, double row_theta,
              std::vector<Link>& out) const {
    if (!g_.is_global) {
      const double step = g_.num_rows() > 1 ? std::abs(g_.theta[1] - g_.theta[0]) : 1.0;
      if (std::abs(theta - row_theta) <= kBorder * step) row(target, r, phi, 1.0, out);
      return;
    }
    if (!(w < 1.0)) w = 1.0;  // a pole row (0 / 0) or rounding
    row(target, r, phi, w, out);
    if (1.0 - w < kNothing) return;
    const auto n = g_.columns[r];
    for (int64_t i = 0; i < n; ++i) out.push_back({target, g_.first[r] + i, (1.0 - w) / static_cast<double>(n)});
  }

  void row(int64_t target, size_t r, double phi, double weight, std::vector<Link>& out) const {
    if (weight < kNothing) return;
    const double x = column_position(g_, r, phi);
    const auto n = g_.columns[r];
    auto i = static_cast<int64_t>(std::floor(x));
    double f = x - static_cast<double>(i);
    if (!g_.is_global) {
      if (x < -kBorder || x > static_cast<double>(n - 1) + kBorder) return;
      i = std::clamp<int64_t>(i, 0, n - 1);
      if (i == n - 1 || x < 0) f = 0;
    }
    if (f < kNothing) return out.push_back({target, g_.first[r] + i % n, weight});
    if (1 - f < kNothing) return out.push_back({target, g_.first[r] + (i + 1) % n, weight});
    out.push_back({target, g_.first[r] + i % n, weight * (1 - f)});
    out.push_back({target, g_.first[r] + (i + 1) % n, weight * f});
  }

  const RowGrid& g_;
};

size_t nearest_row(const RowGrid& g, double theta) {
  const auto upper = std::upper_bound(g.theta.begin(), g.theta.end(), theta);
  if (upper == g.theta.begin()) return 0;
  if (upper == g.theta.end()) return g.theta.size() - 1;
  const auto below = static_cast<size_t>(upper - g.theta.begin());
  return theta - g.theta[below - 1] <= g.theta[below] - theta ? below - 1 : below;
}

/// Nearest column, ties to the lower index; -1 outside a regional row.
int64_t nearest_column(const RowGrid& g, size_t row, double phi) {
  const double x = column_position(g, row, phi);
  const auto n = g.columns[row];
  const auto i = static_cast<int64_t>(std::ceil(x - 0.5));
  if (!g.is_global)
    return x < -0.5 - kBorder || x > static_cast<double>(n) - 0.5 + kBorder ? -1 : std::clamp<int64_t>(i, 0, n - 1);
  return ((i % n) + n) % n;
}

bool inside(const RowGrid& g, double theta) {
  return g.is_global || (theta >= g.theta_bounds.front() - kNothing && theta <= g.theta_bounds.back() + kNothing);
}

/// Calls make(target, theta, phi, list) for every target centre, in fixed blocks so that lists keep their order.
template <class Make>
std::vector<std::vector<Link>> for_each_target(const sphere::Grid& target, const Make& make) {
  const auto centres = target.centres();
  const auto n = static_cast<int64_t>(centres.lat_deg.size());
  constexpr int64_t kBlock = 4096;
  std::vector<std::vector<Link>> lists(static_cast<size_t>((n + kBlock - 1) / kBlock));
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t block = 0; block < static_cast<int64_t>(lists.size()); ++block)
    for (int64_t t = block * kBlock; t < std::min(n, (block + 1) * kBlock); ++t)
      make(t, std::clamp((90.0 - centres.lat_deg[static_cast<size_t>(t)]) * kRadPerDeg, 0.0, kPi),
           centres.lon_deg[static_cast<size_t>(t)] * kRadPerDeg, lists[static_cast<size_t>(block)]);
  return lists;
}

}  // namespace

std::vector<std::vector<Link>> bilinear_links(const sphere::Grid& source, const sphere::Grid& target) {
  if (source.is_healpix())
    return for_each_target(target, [&](int64_t t, double theta, double phi, std::vector<Link>& out) {
      const auto w = sphere::interpolation_weights(source.healpix(), theta, phi);
      for (size_t k = 0; k < 4; ++k)
        if (w.weights[k] >= kNothing) out.push_back({t, w.pixels[k], w.weights[k]});
    });
  const RowGrid rows = row_grid(source);
  const BilinearRows bilinear(rows);
  return for_each_target(target, [&](int64_t t, double theta, double phi, std::vector<Link>& out) {
    const size_t before = out.size();
    bilinear.links(t, theta, phi, out);
    double sum = 0;
    for (size_t i = before; i < out.size(); ++i) sum += out[i].value;
    if (!rows.is_global && sum < 1 - 1e-9) out.resize(before);  // partly outside the area
  });
}

std::vector<std::vector<Link>> nearest_links(const sphere::Grid& source, const sphere::Grid& target) {
  if (source.is_healpix())
    return for_each_target(target, [&](int64_t t, double theta, double phi, std::vector<Link>& out) {
      out.push_back({t, sphere::ang2pix(source.healpix(), theta, phi), 1.0});
    });
  const RowGrid rows = row_grid(source);
  return for_each_target(target, [&](int64_t t, double theta, double phi, std::vector<Link>& out) {
    if (!inside(rows, theta)) return;
    const size_t r = nearest_row(rows, theta);
    if (const int64_t c = nearest_column(rows, r, phi); c >= 0) out.push_back({t, rows.first[r] + c, 1.0});
  });
}

}  // namespace pear::regrid
