// Spherical harmonics at the cell centres of any grid: evaluation, and the fit to values there.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "sphere/grid/grid.h"

namespace pear::sphere {

/// Dense matrices between coefficients and cells, for grids without rows (HEALPix) or rows of another kind.
///
/// Shapes:  spectral [N+1, 2, D..., N+2] as SphericalHarmonicTransform, cells [D..., P].
/// Fit:     least squares over all degrees <= N+1 (orders <= N), cells weighted by their areas.
/// Cost:    (N+1)^2 P numbers in memory and multiplications per field.
/// Errors:  ConfigError `BadTruncation` where the grid has too few cells for the fit or the matrix more than 2^27
///          numbers; ShapeError `SizeMismatch`, `WrongDtype`.
class PointHarmonics {
 public:
  PointHarmonics(const Grid& grid, int64_t truncation, torch::Dtype dtype);

  torch::Tensor synthesize(const torch::Tensor& spectral) const;
  torch::Tensor fit(const torch::Tensor& cells) const;

  /// cos(latitude) of the cells, [P].
  const torch::Tensor& cos_lat() const { return cos_lat_; }

 private:
  int64_t truncation_;
  torch::Tensor positions_;  ///< [C] int64: which entries of a flattened [N+1, 2, N+2] are coefficients
  torch::Tensor values_;     ///< [C, P]
  torch::Tensor fit_;        ///< [P, C]
  torch::Tensor cos_lat_;
};

}  // namespace pear::sphere
