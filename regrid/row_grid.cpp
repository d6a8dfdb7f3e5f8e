#include "regrid/row_grid.h"

#include <algorithm>
#include <cmath>

#include "base/constants.h"
#include "sphere/grid/rows.h"

namespace pear::regrid {
namespace {

void fill_rows(RowGrid& out, const std::vector<double>& lat_deg, sphere::RowKind kind) {
  out.theta.resize(lat_deg.size());
  for (size_t j = 0; j < lat_deg.size(); ++j) out.theta[j] = (90.0 - lat_deg[j]) * kRadPerDeg;
  out.theta_bounds = sphere::row_bounds_theta(kind, lat_deg);
  out.first_cell.assign(lat_deg.size() + 1, 0);
  for (size_t j = 0; j < lat_deg.size(); ++j) out.first_cell[j + 1] = out.first_cell[j] + out.length[j];
}

}  // namespace

double RowGrid::row_step_deg(int64_t row) const {
  return regional ? step_deg : 360.0 / static_cast<double>(length[static_cast<size_t>(row)]);
}

double RowGrid::edge(int64_t row, int64_t i) const {
  if (regional) return (first_deg + (static_cast<double>(i) - 0.5) * step_deg) / 90.0;
  const auto columns = static_cast<double>(length[static_cast<size_t>(row)]);
  // The offset in columns is 0 or 1/2 for nearly every grid: one rounding for the whole expression.
  const double offset = first_deg / (360.0 / columns);
  return (static_cast<double>(i) - 0.5 + offset) * 4.0 / columns;
}

RowGrid::Edge RowGrid::edge_in_quarters(int64_t row, int64_t i) const {
  const auto columns = regional ? 360.0 / step_deg : static_cast<double>(length[static_cast<size_t>(row)]);
  // In quarters of a column, an exact number for nearly every grid, so that only the last division rounds.
  const double quarters = 4 * (static_cast<double>(i) - 0.5 + first_deg / (360.0 / columns));
  const double turn = std::floor(quarters / columns);
  const double within = (quarters - turn * columns) / columns;
  if (within >= 1) return {static_cast<int64_t>(turn) + 1, 0.0};
  return {static_cast<int64_t>(turn), std::max(within, 0.0)};
}

double band_between(double theta1, double theta2) {
  return 2.0 * std::sin((theta1 + theta2) / 2) * std::sin((theta2 - theta1) / 2);
}

double RowGrid::band(int64_t row) const {
  return band_between(theta_bounds[static_cast<size_t>(row)], theta_bounds[static_cast<size_t>(row) + 1]);
}

RowGrid row_grid(const sphere::Grid& grid) {
  RowGrid out;
  if (grid.is_latlon()) {
    const auto& g = grid.latlon();
    const size_t columns = g.lon_deg.size();
    out.length.assign(g.lat_deg.size(), static_cast<int64_t>(columns));
    out.first_deg = g.lon_deg.front();
    out.regional = g.rows == sphere::RowKind::Regional;
    if (out.regional)
      out.step_deg = columns > 1 ? (g.lon_deg.back() - g.lon_deg.front()) / static_cast<double>(columns - 1) : 360.0;
    fill_rows(out, g.lat_deg, g.rows);
    return out;
  }
  const auto& g = std::get<sphere::ReducedGaussianGrid>(grid.value());
  out.length = g.row_lengths;
  fill_rows(out, g.lat_deg, sphere::RowKind::Gaussian);
  return out;
}

}  // namespace pear::regrid
