// Conservative weights of first order between row-based grids and HEALPix, and among either kind.
#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "base/constants.h"
#include "regrid/makers.h"
#include "regrid/planar_overlap.h"
#include "sphere/grid/healpix.h"

namespace pear::regrid {
namespace {

using sphere::HealpixGrid;
using sphere::PixelOrder;

/// Pixel number in the grid's own order for every ring number; empty if the grid is in ring order.
std::vector<int32_t> number_from_ring(const HealpixGrid& g) {
  if (g.order == PixelOrder::Ring) return {};
  constexpr int64_t kBlock = 4096;
  const int64_t pixels = sphere::num_pixels(g.nside);
  std::vector<int32_t> out(static_cast<size_t>(pixels));
#pragma omp parallel for schedule(static)
  for (int64_t first = 0; first < pixels; first += kBlock) {
    std::array<int64_t, kBlock> block;
    const std::span<int64_t> part(block.data(), static_cast<size_t>(std::min(kBlock, pixels - first)));
    std::iota(part.begin(), part.end(), first);
    sphere::convert_order(g.nside, PixelOrder::Ring, g.order, part, part);
    std::copy(part.begin(), part.end(), out.begin() + first);
  }
  return out;
}

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

/// Links of a range of source rows, and how many of them go to each pixel.
struct Part {
  CellLinks links;
  std::vector<int32_t> next;
  void find(const RowGrid& g, const HealpixGrid& h, std::span<const int32_t> numbers, int64_t first, int64_t last) {
    PlanarOverlap overlap(g, h.nside, numbers);
    const auto expected = static_cast<size_t>(1.03 * overlap.expected_links(first, last)) + 1024;
    links.count.reserve(
        static_cast<size_t>(g.first_cell[static_cast<size_t>(last)] - g.first_cell[static_cast<size_t>(first)]));
    links.pixel.reserve(expected);
    links.area.reserve(expected);
    for (int64_t j = first; j < last; ++j) overlap.row(j, links);
    next.assign(static_cast<size_t>(sphere::num_pixels(h.nside)), 0);
    for (int32_t p : links.pixel) ++next[static_cast<size_t>(p)];
  }
  void place(int64_t cell, Weights& out) {
    size_t l = 0;
    for (int32_t count : links.count) {
      for (int32_t k = 0; k < count; ++k, ++l) {
        const auto t = static_cast<size_t>(links.pixel[l]);
        const auto at = static_cast<size_t>(out.row_start[t] + next[t]++);
        out.column[at] = static_cast<int32_t>(cell);
        out.value[at] = links.area[l];
      }
      ++cell;
    }
  }
};

}  // namespace

/// Counting sort by target: part k of a row starts where part k - 1 ends, so that columns ascend within every row
/// whatever the number of parts.
void row_cells_to_healpix(Weights& out) {
  const HealpixGrid& h = out.target.healpix();
  const RowGrid g = row_grid(out.source);
  const std::vector<int32_t> numbers = number_from_ring(h);
  const int64_t count = omp_get_max_threads();
  const std::vector<int64_t> range = row_ranges(g, count);
  const int64_t targets = out.target.num_cells();
  std::vector<Part> parts(static_cast<size_t>(count));
#pragma omp parallel for schedule(static, 1)
  for (int64_t k = 0; k < count; ++k)
    parts[static_cast<size_t>(k)].find(g, h, numbers, range[static_cast<size_t>(k)], range[static_cast<size_t>(k) + 1]);
  out.row_start.resize(static_cast<size_t>(targets) + 1);
  out.row_start[0] = 0;
#pragma omp parallel for schedule(static)
  for (int64_t t = 0; t < targets; ++t) {
    int32_t sum = 0;
    for (Part& p : parts) sum += std::exchange(p.next[static_cast<size_t>(t)], sum);
    out.row_start[static_cast<size_t>(t) + 1] = sum;
  }
  std::partial_sum(out.row_start.begin(), out.row_start.end(), out.row_start.begin());
  out.column.resize(static_cast<size_t>(out.row_start.back()));
  out.value.resize(static_cast<size_t>(out.row_start.back()));
#pragma omp parallel for schedule(static, 1)
  for (int64_t k = 0; k < count; ++k)
    parts[static_cast<size_t>(k)].place(g.first_cell[static_cast<size_t>(range[static_cast<size_t>(k)])], out);
}

void healpix_to_row_cells(Weights& out) {
  const RowGrid g = row_grid(out.target);
  const HealpixGrid& h = out.source.healpix();
  const std::vector<int32_t> numbers = number_from_ring(h);
  const int64_t count = omp_get_max_threads();
  const std::vector<int64_t> range = row_ranges(g, count);
  std::vector<CellLinks> parts(static_cast<size_t>(count));
#pragma omp parallel for schedule(static, 1)
  for (int64_t k = 0; k < count; ++k) {
    PlanarOverlap overlap(g, h.nside, numbers);
    for (int64_t j = range[static_cast<size_t>(k)]; j < range[static_cast<size_t>(k) + 1]; ++j)
      overlap.row(j, parts[static_cast<size_t>(k)]);
  }
  out.row_start.assign(1, 0);
  out.row_start.reserve(static_cast<size_t>(out.target.num_cells()) + 1);
  for (const CellLinks& part : parts)
    for (int32_t links : part.count) out.row_start.push_back(out.row_start.back() + links);
  out.column.resize(static_cast<size_t>(out.row_start.back()));
  out.value.resize(static_cast<size_t>(out.row_start.back()));
#pragma omp parallel for schedule(static, 1)
  for (int64_t k = 0; k < count; ++k) {
    CellLinks& part = parts[static_cast<size_t>(k)];
    const PlanarOverlap overlap(g, h.nside, numbers);
    std::vector<std::pair<int32_t, double>> row;
    size_t l = 0;
    for (int64_t j = range[static_cast<size_t>(k)]; j < range[static_cast<size_t>(k) + 1]; ++j) {
      const double cell_area = overlap.cell_area(j);
      for (int64_t cell = g.first_cell[static_cast<size_t>(j)]; cell < g.first_cell[static_cast<size_t>(j) + 1];
           ++cell) {
        auto at = static_cast<size_t>(out.row_start[static_cast<size_t>(cell)]);
        const auto end = static_cast<size_t>(out.row_start[static_cast<size_t>(cell) + 1]);
        row.clear();
        for (size_t i = at; i < end; ++i, ++l) row.emplace_back(part.pixel[l], part.area[l] / cell_area);
        std::sort(row.begin(), row.end());
        for (const auto& [pixel, value] : row) {
          out.column[at] = pixel;
          out.value[at++] = value;
        }
      }
    }
  }
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
