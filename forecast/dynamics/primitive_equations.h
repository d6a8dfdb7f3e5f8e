// The hydrostatic primitive equations in vorticity-divergence form: explicit tendencies of one time level.
#pragma once

#include <torch/types.h>

#include <memory>

#include "forecast/dynamics/grid_path.h"
#include "forecast/dynamics/planet.h"
#include "forecast/dynamics/primitive_state.h"
#include "forecast/dynamics/sigma_coordinate.h"
#include "sphere/harmonics/transform.h"

namespace pear::forecast {

/// Source:  Hoskins and Simmons 1975 (Q. J. R. Meteorol. Soc. 101) with the vertical differences of Simmons and
///          Burridge 1981; in sigma coordinates their pressure force is exactly R T grad(pi).
class PrimitiveEquations {
 public:
  /// `surface_geopotential` [N+1, 2, J], m2 s-2; undefined: flat.
  PrimitiveEquations(std::shared_ptr<const sphere::SphericalHarmonicTransform> transform, SigmaCoordinate sigma,
                     const Planet& planet, torch::Tensor surface_geopotential, GridPath path = GridPath::Automatic);

  GridFields grid_fields(const PrimitiveState& state) const;
  /// d/dt of every prognostic variable without diffusion; `physics` as Physics::tendencies returns it, may be
  /// undefined. The surface geopotential and the linear terms are included.
  PrimitiveState tendencies(const PrimitiveState& state, const GridFields& fields, const torch::Tensor& physics) const;

  const sphere::SphericalHarmonicTransform& transform() const { return *transform_; }
  const SigmaCoordinate& sigma() const { return sigma_; }
  const Planet& planet() const { return planet_; }
  const torch::Tensor& surface_geopotential() const { return surface_geopotential_; }
  /// 1 - mu^2 of the rows, [H, 1], and the Coriolis parameter, [2, H, 1], in the type of the transform.
  const torch::Tensor& cos2() const { return cos2_; }
  const torch::Tensor& coriolis() const { return coriolis_; }

 private:
  /// Products on the grid, in the order in which they are analysed: [n, 2, H, L] with n = 6 BK + B (dry) or 9 BK + B:
  /// A_u, A_v, u T', v T', (u q, v q) all over cos^2 of u cos, then energy, T' source, (q source), and d pi / dt.
  torch::Tensor products_tensor(const GridFields& fields, const torch::Tensor& physics) const;
  torch::Tensor products_fused(const GridFields& fields, const torch::Tensor& physics) const;
  /// The fields that go to the grid, [N+1, 2, n, J]: upper, u, v, pi and its gradient.
  torch::Tensor prepare_tensor(const PrimitiveState& state) const;
  torch::Tensor prepare_fused(const PrimitiveState& state) const;
  /// Tendencies from analysed products.
  PrimitiveState finish_tensor(const PrimitiveState& state, const torch::Tensor& products) const;
  PrimitiveState finish_fused(const PrimitiveState& state, const torch::Tensor& products) const;

  std::shared_ptr<const sphere::SphericalHarmonicTransform> transform_;
  SigmaCoordinate sigma_;
  Planet planet_;
  torch::Tensor surface_geopotential_;
  GridPath path_;
  torch::Tensor cos2_, coriolis_;
  torch::Tensor hydrostatic_;                           ///< [K, K]
  torch::Tensor half_, thickness_, log_ratio_, alpha_;  ///< [K or K-1, 1, 1, 1]
  torch::Tensor upper_half_, cos2_rows_;                ///< for the loops: [K], [2 H]
};

}  // namespace pear::forecast
