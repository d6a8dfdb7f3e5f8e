// Leapfrog with implicit gravity waves, implicit diffusion and a filter against splitting of the two time levels.
#pragma once

#include <torch/types.h>

#include "forecast/dynamics/grid_path.h"
#include "forecast/dynamics/planet.h"
#include "forecast/dynamics/primitive_state.h"
#include "forecast/dynamics/sigma_coordinate.h"

namespace pear::forecast {

struct LeapfrogOptions {
  double implicit_weight = 0.5;             ///< 0.5: centred
  double filter = 0.1;                      ///< nu of Robert and Asselin
  double filter_balance = 0.53;             ///< alpha of Williams; 1: Asselin's filter
  double diffusion_time_days = 0.1;         ///< e-folding time of the shortest wave; 0: no diffusion
  int64_t diffusion_order = 8;              ///< even: del^8
  bool diffuse_along_pressure = true;       ///< temperature is smoothed on pressure, not sigma, below the tropopause
};

/// Source:  Hoskins and Simmons 1975 (semi-implicit); Williams 2011 (Mon. Weather Rev. 139), the RAW filter.
class SemiImplicitLeapfrog {
 public:
  SemiImplicitLeapfrog(const SigmaCoordinate& sigma, const Planet& planet, int64_t truncation,
                       const torch::TensorOptions& tensor_options, const LeapfrogOptions& options,
                       GridPath path = GridPath::Automatic);

  /// previous (t - 1), now (t) and the explicit tendencies at t -> (t + 1), `tau` seconds after `previous`.
  PrimitiveState advance(const PrimitiveState& previous, const PrimitiveState& now, const PrimitiveState& tendency,
                         double tau) const;
  /// Moves `now` and `next` so that the two time levels stay together.
  void filter(const PrimitiveState& previous, PrimitiveState& now, PrimitiveState& next) const;

 private:
  PrimitiveState advance_tensor(const PrimitiveState& previous, const PrimitiveState& now,
                                const PrimitiveState& tendency, double tau) const;
  PrimitiveState advance_fused(const PrimitiveState& previous, const PrimitiveState& now,
                               const PrimitiveState& tendency, double tau) const;
  /// The filter on one tensor of each time level.
  void filter_fused(const torch::Tensor& previous, torch::Tensor& now, torch::Tensor& next) const;

  LeapfrogOptions options_;
  GridPath path_;
  double gas_reference_;                    ///< R Tref
  torch::Tensor hydrostatic_, temperature_; ///< G, H: [K, K]
  torch::Tensor thickness_;                 ///< [K, 1]
  torch::Tensor vectors_, inverse_;         ///< vertical modes, [K, K]
  torch::Tensor speeds2_;                   ///< [K, 1]
  torch::Tensor laplacian_;                 ///< -l (l + 1) / a^2: [N+1, 1, 1, 1, J]
  torch::Tensor diffusion_;                 ///< nu_l, s-1, the same shape
  torch::Tensor pressure_slope_;            ///< c_k: [K, 1]
  torch::Tensor sums_;                      ///< for the loops: G and H as sums from one side, [4, K]
};

}  // namespace pear::forecast
