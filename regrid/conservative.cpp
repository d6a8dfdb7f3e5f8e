#include "regrid/conservative.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/constants.h"
#include "base/error.h"
#include "regrid/planar_overlap.h"
#include "regrid/row_grid.h"
#include "sphere/grid/healpix.h"

namespace pear::regrid {
namespace {

constexpr const char* kWhere = "regrid.weights";

double band_area(double t1, double t2) { return 2.0 * std::sin((t1 + t2) / 2) * std::sin((t2 - t1) / 2); }

/// Row-based grid <-> HEALPix. A pixel has area 1; a cell A_j = 3 n^2 / pi times its solid angle.
std::vector<std::vector<Link>> planar_links(const RowGrid& rows, const sphere::HealpixGrid& pixels, bool to_pixels) {
  std::vector<std::vector<Link>> lists(static_cast<size_t>(rows.num_rows()));
  const double n = static_cast<double>(pixels.nside), density = 3.0 * n * n / kPi;
#pragma omp parallel for schedule(dynamic, 4)
  for (int64_t j = 0; j < rows.num_rows(); ++j) {
    const auto r = static_cast<size_t>(j);
    const double cell = density * rows.width[r] * band_area(rows.theta_bounds[r], rows.theta_bounds[r + 1]);
    const auto overlaps = row_overlaps(rows, j, pixels);
    lists[r].reserve(overlaps.size());
    for (const Overlap& o : overlaps)
      lists[r].push_back(to_pixels ? Link{o.pixel, o.cell, o.area} : Link{o.cell, o.pixel, o.area / cell});
  }
  return lists;
}

/// Overlap of two longitude intervals, each of which may lie a turn away from the other.
template <class Emit>
void for_each_column(const RowGrid& source, size_t s, double west, double east, const Emit& emit) {
  const double turn = 2 * kPi, width = source.width[s];
  const double shift = std::floor((west - source.west[s]) / turn) * turn;  // source cells from this turn on
  const double base = source.west[s] + shift;
  const auto count = source.columns[s];
  auto k = static_cast<int64_t>(std::floor((west - base) / width));
  for (;; ++k) {
    const double left = base + static_cast<double>(k) * width, right = left + width;
    if (left >= east) return;
    const double overlap = std::min(right, east) - std::max(left, west);
    const int64_t column = source.is_global ? ((k % count) + count) % count : k;
    if (overlap > 1e-13 * width && column >= 0 && column < count) emit(column, overlap);
    if (!source.is_global && k > 2 * count + 2) return;
  }
}

/// Rows x rows: overlap in z times overlap in longitude.
std::vector<std::vector<Link>> product_links(const RowGrid& source, const RowGrid& target) {
  std::vector<std::vector<Link>> lists(static_cast<size_t>(target.num_rows()));
#pragma omp parallel for schedule(dynamic, 4)
  for (int64_t j = 0; j < target.num_rows(); ++j) {
    const auto t = static_cast<size_t>(j);
    const double t1 = target.theta_bounds[t], t2 = target.theta_bounds[t + 1];
    const double whole = band_area(t1, t2) * target.width[t];
    for (size_t s = 0; s + 1 < source.theta_bounds.size(); ++s) {
      const double low = std::max(t1, source.theta_bounds[s]), high = std::min(t2, source.theta_bounds[s + 1]);
      if (high - low <= 1e-14) continue;
      const double height = band_area(low, high);
      for (int64_t i = 0; i < target.columns[t]; ++i) {
        const double west = target.west[t] + static_cast<double>(i) * target.width[t];
        for_each_column(source, s, west, west + target.width[t], [&](int64_t column, double overlap) {
          lists[t].push_back({target.first[t] + i, source.first[s] + column, height * overlap / whole});
        });
      }
    }
  }
  return lists;
}

/// HEALPix levels: the mean of the children, or a copy of the parent.
std::vector<std::vector<Link>> nested_links(const sphere::HealpixGrid& source, const sphere::HealpixGrid& target) {
  const int64_t fine = std::max(source.nside, target.nside), coarse = std::min(source.nside, target.nside);
  if (fine % coarse != 0)
    throw ConfigError("UnsupportedGrid", kWhere,
                      {.what = fmt::format("conservative from HEALPix nside {} to {}", source.nside, target.nside),
                       .expected = "one nside to be a multiple of the other",
                       .hint = "use method=bilinear"});
  const int64_t ratio = fine / coarse;
  std::vector<std::vector<Link>> lists(1);
  const double share = target.nside < source.nside ? 1.0 / static_cast<double>(ratio * ratio) : 1.0;
  const sphere::HealpixGrid& small = target.nside < source.nside ? source : target;
  for (int64_t p = 0; p < sphere::num_pixels(fine); ++p) {
    const auto at = sphere::face_xy_from_pixel(small, p);
    const sphere::FaceXy parent{at.face, at.x / ratio, at.y / ratio};
    if (target.nside < source.nside)
      lists[0].push_back({sphere::pixel_from_face_xy(target, parent), p, share});
    else
      lists[0].push_back({p, sphere::pixel_from_face_xy(source, parent), share});
  }
  return lists;
}

}  // namespace

std::vector<std::vector<Link>> conservative_links(const sphere::Grid& source, const sphere::Grid& target) {
  if (!source.is_global() && target.is_global())
    throw DataError("NotGlobal", kWhere,
                    {.what = "conservative regridding to " + target.spec(),
                     .expected = "a global source",
                     .found = source.spec(),
                     .hint = "use method=bilinear: cells outside the area become missing"});
  if (source.is_healpix() && target.is_healpix()) return nested_links(source.healpix(), target.healpix());
  if (target.is_healpix()) return planar_links(row_grid(source), target.healpix(), true);
  if (source.is_healpix()) return planar_links(row_grid(target), source.healpix(), false);
  return product_links(row_grid(source), row_grid(target));
}

}  // namespace pear::regrid
