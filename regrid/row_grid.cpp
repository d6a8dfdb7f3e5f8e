#include "regrid/row_grid.h"

#include "base/constants.h"
#include "base/error.h"
#include "sphere/grid/rows.h"

namespace pear::regrid {
namespace {

void add_row(RowGrid& g, double lat_deg, int64_t columns, double first_centre_deg, double width_deg) {
  g.theta.push_back((90.0 - lat_deg) * kRadPerDeg);
  g.columns.push_back(columns);
  g.first.push_back(g.first.back() + columns);
  g.width.push_back(width_deg * kRadPerDeg);
  g.west.push_back((first_centre_deg - width_deg / 2) * kRadPerDeg);
}

}  // namespace

RowGrid row_grid(const sphere::Grid& grid) {
  PEAR_ASSERT(!grid.is_healpix());
  RowGrid g;
  g.first.push_back(0);
  g.is_global = grid.is_global();
  if (grid.is_latlon()) {
    const auto& ll = grid.latlon();
    g.theta_bounds = sphere::row_bounds_theta(ll.rows, ll.lat_deg);
    const auto m = static_cast<int64_t>(ll.lon_deg.size());
    const double step = g.is_global
                            ? 360.0 / static_cast<double>(m)
                            : (m > 1 ? (ll.lon_deg.back() - ll.lon_deg.front()) / static_cast<double>(m - 1) : 1.0);
    for (double lat : ll.lat_deg) add_row(g, lat, m, ll.lon_deg.front(), step);
    return g;
  }
  const auto& reduced = std::get<sphere::ReducedGaussianGrid>(grid.value());
  g.theta_bounds = sphere::row_bounds_theta(sphere::RowKind::Gaussian, reduced.lat_deg);
  for (size_t j = 0; j < reduced.lat_deg.size(); ++j)
    add_row(g, reduced.lat_deg[j], reduced.row_lengths[j], 0.0, 360.0 / static_cast<double>(reduced.row_lengths[j]));
  return g;
}

}  // namespace pear::regrid
