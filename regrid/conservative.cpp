// Conservative weights of first order between row-based grids and HEALPix, and among either kind.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/constants.h"
#include "regrid/makers.h"
#include "regrid/planar_overlap.h"
#include "sphere/grid/healpix.h"
#include "sphere/grid/healpix_fields.h"

namespace pear::regrid {
namespace {

using sphere::HealpixGrid;
using sphere::PixelOrder;

/// Pixel number in the grid's own order for every ring number; empty if the grid is in ring order.
std::vector<int64_t> order_from_ring(const HealpixGrid& g) {
  if (g.order == PixelOrder::Ring) return {};
  return sphere::reorder_index(g.nside, g.order, PixelOrder::Ring);  // out[ring] = in[index[ring]]
}

/// Links found by one range of source rows, in the order of the source cells.
struct RowLinks {
  std::vector<int32_t> target, source;
  std::vector<double> area;
};

/// Ranges of rows with about equally many cells.
std::vector<int64_t> row_ranges(const RowGrid& g, int64_t count) {
  std::vector<int64_t> first{0};
  for (int64_t k = 1; k <= count; ++k) {
    const int64_t cells = g.first_cell.back() * k / count;
    const auto it = std::lower_bound(g.first_cell.begin(), g.first_cell.end(), cells);
    first.push_back(std::max(first.back(), static_cast<int64_t>(it - g.first_cell.begin())));
  }
  return first;
}

RowLinks links_of_rows(const RowGrid& g, const PlanarOverlap& overlap, const std::vector<int64_t>& order,
                       int64_t first_row, int64_t last_row) {
  RowLinks out;
  const auto cells =
      static_cast<size_t>(g.first_cell[static_cast<size_t>(last_row)] - g.first_cell[static_cast<size_t>(first_row)]);
  for (auto* v : {&out.target, &out.source}) v->reserve(cells * 5 / 2);
  out.area.reserve(cells * 5 / 2);
  std::vector<Overlap> found;
  for (int64_t j = first_row; j < last_row; ++j) {
    for (int64_t i = 0; i < g.length[static_cast<size_t>(j)]; ++i) {
      overlap.cell({g.edge(j, i), g.edge(j, i + 1), g.theta_bounds[static_cast<size_t>(j)],
                    g.theta_bounds[static_cast<size_t>(j) + 1]},
                   found);
      const auto cell = static_cast<int32_t>(g.first_cell[static_cast<size_t>(j)] + i);
      for (const Overlap& o : found) {
        const int64_t pixel = order.empty() ? o.pixel : order[static_cast<size_t>(o.pixel)];
        out.target.push_back(static_cast<int32_t>(pixel));
        out.source.push_back(cell);
        out.area.push_back(o.area);
      }
    }
  }
  return out;
}

}  // namespace

void row_cells_to_healpix(Weights& out) {
  constexpr int64_t kParts = 16;  // fixed, so that the result cannot depend on the number of threads
  const RowGrid g = row_grid(out.source);
  const PlanarOverlap overlap(out.target.healpix().nside);
  const std::vector<int64_t> order = order_from_ring(out.target.healpix());
  const std::vector<int64_t> range = row_ranges(g, kParts);
  const auto targets = static_cast<size_t>(out.target.num_cells());
  std::vector<RowLinks> parts(kParts);
  std::vector<std::vector<int32_t>> count(kParts);
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t k = 0; k < kParts; ++k) {
    const auto p = static_cast<size_t>(k);
    parts[p] = links_of_rows(g, overlap, order, range[p], range[p + 1]);
    count[p].assign(targets, 0);
    for (int32_t t : parts[p].target) ++count[p][static_cast<size_t>(t)];
  }
  // Counting sort by target: part k of target t starts where part k - 1 ends, so columns ascend within every row.
  out.row_start.assign(targets + 1, 0);
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < targets; ++t) {
    int32_t sum = 0;
    for (auto& c : count) sum += std::exchange(c[t], sum);
    out.row_start[t + 1] = sum;
  }
  std::partial_sum(out.row_start.begin(), out.row_start.end(), out.row_start.begin());
  out.column.resize(static_cast<size_t>(out.row_start.back()));
  out.value.resize(static_cast<size_t>(out.row_start.back()));
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t k = 0; k < kParts; ++k) {
    const RowLinks& links = parts[static_cast<size_t>(k)];
    auto& next = count[static_cast<size_t>(k)];
    for (size_t l = 0; l < links.target.size(); ++l) {
      const auto t = static_cast<size_t>(links.target[l]);
      const auto place = static_cast<size_t>(out.row_start[t] + next[t]++);
      out.column[place] = links.source[l];
      out.value[place] = links.area[l];
    }
  }
}

void healpix_to_row_cells(Weights& out) {
  const RowGrid g = row_grid(out.target);
  const HealpixGrid& h = out.source.healpix();
  const PlanarOverlap overlap(h.nside);
  const std::vector<int64_t> order = order_from_ring(h);
  const double pixels_per_steradian = 3.0 * static_cast<double>(h.nside) * static_cast<double>(h.nside) / kPi;
  fill_rows(out, [&](int64_t cell, std::vector<Link>& row) {
    thread_local std::vector<Overlap> found;
    const auto it = std::upper_bound(g.first_cell.begin(), g.first_cell.end(), cell);
    const int64_t j = it - g.first_cell.begin() - 1, i = cell - g.first_cell[static_cast<size_t>(j)];
    const double width = g.row_step_deg(j) * kRadPerDeg, cell_area = pixels_per_steradian * width * g.band(j);
    overlap.cell({g.edge(j, i), g.edge(j, i + 1), g.theta_bounds[static_cast<size_t>(j)],
                  g.theta_bounds[static_cast<size_t>(j) + 1]},
                 found);
    for (const Overlap& o : found)
      row.push_back({order.empty() ? o.pixel : order[static_cast<size_t>(o.pixel)], o.area / cell_area});
  });
}

void row_cells_to_row_cells(Weights& out) {
  const RowGrid s = row_grid(out.source), d = row_grid(out.target);
  fill_rows(out, [&](int64_t cell, std::vector<Link>& row) {
    const auto it = std::upper_bound(d.first_cell.begin(), d.first_cell.end(), cell);
    const int64_t j = it - d.first_cell.begin() - 1, i = cell - d.first_cell[static_cast<size_t>(j)];
    const double north = d.theta_bounds[static_cast<size_t>(j)], south = d.theta_bounds[static_cast<size_t>(j) + 1];
    const double west = d.edge(j, i), east = d.edge(j, i + 1);
    const auto from = std::upper_bound(s.theta_bounds.begin(), s.theta_bounds.end(), north);
    for (int64_t r = std::max<int64_t>(0, from - s.theta_bounds.begin() - 1); r < s.num_rows(); ++r) {
      const double top = std::max(north, s.theta_bounds[static_cast<size_t>(r)]);
      const double bottom = std::min(south, s.theta_bounds[static_cast<size_t>(r) + 1]);
      if (s.theta_bounds[static_cast<size_t>(r)] >= south) break;
      if (!(bottom > top)) continue;
      const double in_theta = band_between(top, bottom) / d.band(j);
      const int64_t columns = s.length[static_cast<size_t>(r)];
      const double step = 4.0 / static_cast<double>(columns);
      for (auto c = static_cast<int64_t>(std::floor((west - s.edge(r, 0)) / step)) - 1; s.edge(r, c) < east; ++c) {
        const double in_phi = std::min(east, s.edge(r, c + 1)) - std::max(west, s.edge(r, c));
        if (!(in_phi > 0)) continue;
        const int64_t wrapped = ((c % columns) + columns) % columns;
        row.push_back({s.first_cell[static_cast<size_t>(r)] + wrapped, in_theta * in_phi / (east - west)});
      }
    }
  });
}

void healpix_to_healpix(Weights& out) {
  const HealpixGrid &s = out.source.healpix(), &d = out.target.healpix();
  // Overlap of target interval i of d.nside with source interval k of s.nside, in units of 1/(s.nside d.nside).
  const auto overlap = [&](int64_t i, int64_t k) {
    return std::min((i + 1) * s.nside, (k + 1) * d.nside) - std::max(i * s.nside, k * d.nside);
  };
  const double whole = static_cast<double>(s.nside) * static_cast<double>(s.nside);
  fill_rows(out, [&](int64_t pixel, std::vector<Link>& row) {
    const sphere::FaceXy p = sphere::face_xy_from_pixel(d, pixel);
    for (int64_t x = p.x * s.nside / d.nside; x < s.nside && x * d.nside < (p.x + 1) * s.nside; ++x)
      for (int64_t y = p.y * s.nside / d.nside; y < s.nside && y * d.nside < (p.y + 1) * s.nside; ++y)
        row.push_back({sphere::pixel_from_face_xy(s, {p.face, x, y}),
                       static_cast<double>(overlap(p.x, x)) * static_cast<double>(overlap(p.y, y)) / whole});
  });
}

}  // namespace pear::regrid
