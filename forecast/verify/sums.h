// Sufficient statistics of a forecast against the truth: everything that any metric needs, before any mean.
//
// One PairSums per (model, initial time, lead, channel, region). Time is kept, so pairing, sub-periods, merging and the
// bootstrap need no second pass over the fields. The order of all additions is a function of the grid alone
// (scoring.md section 9): fixed blocks, eight interleaved partial sums in each, a fixed tree over the blocks.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "forecast/verify/regions.h"
#include "sphere/grid/grid.h"

namespace pear::forecast {

/// Weighted sums over the valid cells of a region: f forecast, o truth, c climatology; e = f-o, a = f-c, b = o-c.
enum Statistic : size_t { kCount, kWeight, kE, kAbsE, kE2, kA, kB, kA2, kB2, kAB, kNumStatistics };
/// Names in the order of the enum, as in sums.nc.
extern const std::array<const char*, kNumStatistics> kStatisticNames;
using PairSums = std::array<double, kNumStatistics>;
/// Not scored: a truth time is missing.
inline bool is_missing(const PairSums& s) { return !(s[kWeight] > 0); }

/// First cell of each block, and the end. HEALPix nested: the 768 parents of nside 8 (fewer on coarser grids); other
/// numberings: equal ranges; lat-lon and reduced grids: rows.
std::vector<int64_t> block_starts(const sphere::Grid& grid);

/// One level of one variable at one moment. Climatology empty: anomalies stay 0.
struct SlabView {
  std::span<const float> forecast, truth, climatology;
};

class RegionSums {
 public:
  RegionSums(const sphere::Grid& grid, std::vector<Region> regions);

  /// Weighted sums over every region; bit-identical for any number of threads.
  ///
  /// Cells without weight are not looked at. Cells with a non-finite value in any of the fields are left out of all
  /// sums; their largest number over the regions is returned, so that the caller can refuse them.
  /// Shapes:  fields [cells]; out [num_regions]. Errors: ShapeError.
  int64_t accumulate(const SlabView& slab, std::span<PairSums> out) const;

  /// First cell that has weight in a region and a non-finite value in `values`; -1 if none.
  int64_t first_non_finite(std::span<const float> values) const;
  const std::vector<Region>& regions() const { return regions_; }

 private:
  PairSums block_sums(const SlabView& slab, size_t region, size_t block, int64_t& bad) const;

  std::vector<Region> regions_;
  std::vector<int64_t> starts_;
  std::vector<std::vector<uint32_t>> active_blocks_;  ///< per region: blocks with weight
  int64_t num_cells_ = 0;
};

struct SumsVariable {
  std::string name, units;
  std::vector<double> levels_hpa;
  size_t num_levels() const { return levels_hpa.empty() ? 1 : levels_hpa.size(); }
  bool operator==(const SumsVariable&) const = default;
};

/// All PairSums of a comparison. Channels: variable by variable, levels in the order given.
struct SumsTable {
  std::vector<std::string> models;
  std::vector<Time> init;  ///< ascending
  std::vector<Duration> leads;
  std::vector<SumsVariable> variables;
  std::vector<std::string> regions;
  nlohmann::json definition;   ///< everything that must agree before tables are merged or compared
  std::vector<PairSums> data;  ///< [model, init, lead, channel, region]

  size_t num_channels() const;
  void allocate();
  size_t offset(size_t model, size_t time, size_t lead, size_t channel) const;
  std::span<PairSums> at(size_t model, size_t time, size_t lead, size_t channel);
  const PairSums& get(size_t model, size_t time, size_t lead, size_t channel, size_t region) const;

  /// dims model, init_time, lead_time, [level], region, statistic; one variable per weather variable (atomic).
  void write(const std::filesystem::path& path, const std::string& provenance_json) const;
  /// Errors: DataError `FileNotFound`, `BadSums`.
  static SumsTable read(const std::filesystem::path& path);
  /// Joins tables over disjoint initial times; the result equals one pass bit for bit.
  /// Errors: DataError `DefinitionMismatch` naming the first difference, `OverlappingTimes`.
  static SumsTable merge(const std::vector<SumsTable>& parts);
  /// Keeps only these initial times (ascending).
  SumsTable select(const std::vector<Time>& times) const;
};

/// Pairwise sum in a tree that depends on the number of values alone.
double tree_sum(std::span<const double> values);

}  // namespace pear::forecast
