// Terrain-following levels sigma = p / ps, and the vertical sums that conserve energy on them.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "forecast/dynamics/planet.h"

namespace pear::forecast {

/// K layers between K + 1 half levels, top first.
///
/// Source:  Simmons and Burridge 1981 (Mon. Weather Rev. 109).
struct SigmaCoordinate {
  std::vector<double> half;       ///< [K+1], 0 … 1
  std::vector<double> full;       ///< [K], mean of its half levels
  std::vector<double> thickness;  ///< [K]
  std::vector<double> log_ratio;  ///< [K], ln(half[k+1] / half[k]); 0 at the top, where it multiplies an empty sum
  std::vector<double> alpha;      ///< [K], 1 - half[k] / thickness log_ratio; ln 2 at the top

  /// Errors: ConfigError `BadLevels` unless the half levels rise from 0 to 1.
  explicit SigmaCoordinate(std::vector<double> half_levels);
  /// 8, 10 and 13 layers are tuned ones; any other number from 2 on is uniform.
  static SigmaCoordinate with_layers(int64_t num_layers);
  static SigmaCoordinate uniform(int64_t num_layers);

  int64_t num_layers() const { return static_cast<int64_t>(full.size()); }
  /// Phi - Phi_surface = G T: float64 [K, K] on the CPU.
  torch::Tensor hydrostatic_matrix(const Planet& planet) const;
  /// dT/dt = -H D about the reference temperature: float64 [K, K].
  torch::Tensor temperature_matrix(const Planet& planet) const;
};

/// Eigenvectors of L = G H + R Tref 1 ds^T, whose eigenvalues are the squared speeds of gravity waves.
///
/// Shapes:  vectors, inverse [K, K], speeds2 [K] (m2 s-2, descending), float64, CPU.
/// Errors:  DataError `BadLevels` if an eigenvalue is not real and positive.
struct VerticalModes {
  torch::Tensor vectors, inverse, speeds2;
};
VerticalModes vertical_modes(const SigmaCoordinate& sigma, const Planet& planet);

}  // namespace pear::forecast
