#include "forecast/verify/sums.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr size_t kLanes = 8;
constexpr int64_t kParentNside = 8;

using Lanes = std::array<double, kLanes>;
double combine(const Lanes& l) { return ((l[0] + l[1]) + (l[2] + l[3])) + ((l[4] + l[5]) + (l[6] + l[7])); }

/// Values of one cell -> the ten summands. A cell without weight or with a bad value gives zeros.
struct CellTerms {
  double w, e, a, b;
  bool bad;
};
CellTerms cell_terms(const SlabView& slab, bool with_climatology, const double* weights, int64_t i) {
  const double w = weights[i];
  const double f = slab.forecast[static_cast<size_t>(i)];
  const double o = slab.truth[static_cast<size_t>(i)];
  const double c = with_climatology ? static_cast<double>(slab.climatology[static_cast<size_t>(i)]) : 0.0;
  const bool finite = std::isfinite(f) && std::isfinite(o) && std::isfinite(c);
  const bool used = w > 0 && finite;
  return {used ? w : 0.0, used ? f - o : 0.0, used && with_climatology ? f - c : 0.0,
          used && with_climatology ? o - c : 0.0, w > 0 && !finite};
}

PairSums tree_over_blocks(std::span<const PairSums> blocks) {
  if (blocks.empty()) return PairSums{};
  if (blocks.size() == 1) return blocks[0];
  const size_t half = (blocks.size() + 1) / 2;
  const PairSums left = tree_over_blocks(blocks.first(half)), right = tree_over_blocks(blocks.subspan(half));
  PairSums sum;
  for (size_t k = 0; k < kNumStatistics; ++k) sum[k] = left[k] + right[k];
  return sum;
}

}  // namespace

const std::array<const char*, kNumStatistics> kStatisticNames{"count",  "sum_w",  "sum_we",  "sum_w_abs_e", "sum_we2",
                                                              "sum_wa", "sum_wb", "sum_wa2", "sum_wb2",     "sum_wab"};

double tree_sum(std::span<const double> values) {
  if (values.empty()) return 0;
  if (values.size() == 1) return values[0];
  const size_t half = (values.size() + 1) / 2;
  return tree_sum(values.first(half)) + tree_sum(values.subspan(half));
}

std::vector<int64_t> block_starts(const sphere::Grid& grid) {
  std::vector<int64_t> starts{0};
  if (grid.is_healpix()) {
    const int64_t parent = std::min(kParentNside, grid.healpix().nside);
    const int64_t blocks = 12 * parent * parent;
    // nside not a multiple of 8 (possible in ring order): ranges that differ by one cell at most.
    for (int64_t b = 1; b <= blocks; ++b) starts.push_back(grid.num_cells() * b / blocks);
    return starts;
  }
  if (grid.is_latlon()) {
    for (size_t j = 0; j < grid.latlon().lat_deg.size(); ++j)
      starts.push_back(starts.back() + static_cast<int64_t>(grid.latlon().lon_deg.size()));
    return starts;
  }
  for (const int64_t n : std::get<sphere::ReducedGaussianGrid>(grid.value()).row_lengths)
    starts.push_back(starts.back() + n);
  return starts;
}

RegionSums::RegionSums(const sphere::Grid& grid, std::vector<Region> regions)
    : regions_(std::move(regions)), starts_(block_starts(grid)), num_cells_(grid.num_cells()) {
  for (const Region& region : regions_) {
    PEAR_ASSERT(static_cast<int64_t>(region.weights.size()) == num_cells_);
    auto& active = active_blocks_.emplace_back();
    for (size_t b = 0; b + 1 < starts_.size(); ++b)
      if (std::any_of(region.weights.begin() + starts_[b], region.weights.begin() + starts_[b + 1],
                      [](double w) { return w > 0; }))
        active.push_back(static_cast<uint32_t>(b));
  }
}

PairSums RegionSums::block_sums(const SlabView& slab, size_t region, size_t block, int64_t& bad) const {
  const double* const weights = regions_[region].weights.data();
  const bool with_climatology = !slab.climatology.empty();
  std::array<Lanes, kNumStatistics> lanes{};
  const int64_t begin = starts_[block], end = starts_[block + 1];
  for (int64_t i = begin; i < end; i += kLanes) {
    const auto n = static_cast<size_t>(std::min<int64_t>(kLanes, end - i));
    for (size_t k = 0; k < n; ++k) {
      const CellTerms t = cell_terms(slab, with_climatology, weights, i + static_cast<int64_t>(k));
      bad += t.bad ? 1 : 0;
      lanes[kCount][k] += t.w > 0 ? 1.0 : 0.0;
      lanes[kWeight][k] += t.w;
      lanes[kE][k] += t.w * t.e;
      lanes[kAbsE][k] += t.w * std::abs(t.e);
      lanes[kE2][k] += t.w * (t.e * t.e);
      lanes[kA][k] += t.w * t.a;
      lanes[kB][k] += t.w * t.b;
      lanes[kA2][k] += t.w * (t.a * t.a);
      lanes[kB2][k] += t.w * (t.b * t.b);
      lanes[kAB][k] += t.w * (t.a * t.b);
    }
  }
  PairSums sums;
  for (size_t k = 0; k < kNumStatistics; ++k) sums[k] = combine(lanes[k]);
  return sums;
}

int64_t RegionSums::accumulate(const SlabView& slab, std::span<PairSums> out) const {
  const auto cells = static_cast<size_t>(num_cells_);
  if (slab.forecast.size() != cells || slab.truth.size() != cells || out.size() != regions_.size() ||
      (!slab.climatology.empty() && slab.climatology.size() != cells))
    throw ShapeError("SizeMismatch", "forecast.verify.sums",
                     {.what = "fields of a slab",
                      .expected = fmt::format("{} cells, {} regions", cells, regions_.size()),
                      .found = fmt::format("forecast {}, truth {}, climatology {}, {} regions", slab.forecast.size(),
                                           slab.truth.size(), slab.climatology.size(), out.size())});
  int64_t most_bad = 0;
  std::vector<PairSums> blocks;
  for (size_t r = 0; r < regions_.size(); ++r) {
    const auto& active = active_blocks_[r];
    blocks.assign(starts_.size() - 1, PairSums{});
    int64_t bad = 0;
    const auto n = static_cast<int64_t>(active.size());
#pragma omp parallel for schedule(static) reduction(+ : bad)
    for (int64_t j = 0; j < n; ++j) {
      const size_t b = active[static_cast<size_t>(j)];
      blocks[b] = block_sums(slab, r, b, bad);
    }
    out[r] = tree_over_blocks(blocks);
    most_bad = std::max(most_bad, bad);
  }
  return most_bad;
}

int64_t RegionSums::first_non_finite(std::span<const float> values) const {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    for (const Region& region : regions_)
      if (region.weights[i] > 0) return static_cast<int64_t>(i);
  }
  return -1;
}

}  // namespace pear::forecast
