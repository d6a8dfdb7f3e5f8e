// Exact symmetries of the grid as index permutations, drawn per sample.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "forecast/train/dataset.h"

namespace pear::forecast {

/// `quarter_turn`: the globe turned by k x 90 degrees about its axis (k = 0..3). Winds keep their components, only the
/// place changes. `equator_mirror`: north and south exchanged; components that point north (v, v10, v100) and rotation
/// (vo) change sign. Dynamics obey both exactly on a planet without land; with land they are an approximation that
/// multiplies small training sets by 4, 2 or 8.
///
/// Draws are functions of (seed, step, sample position). Grids: nested HEALPix, and rows x columns whose columns are
/// a multiple of 4 (turn) or whose rows are symmetric (mirror).
/// Shapes:  State [B, ..., P] in place of the same.
/// Errors:  ConfigError `AugmentNeedsSymmetry` naming the grid.
class Augmentation {
 public:
  Augmentation(const std::vector<std::string>& names, const StateLayout& layout, uint64_t seed);

  bool is_on() const { return turn_ || mirror_; }
  /// `first_sample` numbers the samples of the whole run: step * samples per step + position.
  void apply(Batch& batch, int64_t first_sample) const;
  /// One channels tensor [channels, P] turned by `quarters` and, if asked, mirrored.
  torch::Tensor transform(const torch::Tensor& channels, int64_t quarters, bool mirrored) const;

 private:
  bool turn_ = false, mirror_ = false;
  StateLayout layout_;
  uint64_t seed_;
  torch::Tensor turned_, mirrored_;  ///< int64 [P]: source cell of every cell
  torch::Tensor signs_;              ///< [channels, 1] under the mirror
};

/// Source cell of every cell under one quarter turn to the east / the mirror: int64 [P].
std::vector<int64_t> quarter_turn_sources(const sphere::Grid& grid);
std::vector<int64_t> equator_mirror_sources(const sphere::Grid& grid);

}  // namespace pear::forecast
