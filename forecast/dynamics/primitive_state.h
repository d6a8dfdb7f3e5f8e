// The prognostic variables of the dynamical core as spherical harmonics, and what one evaluation makes of them on the grid.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace pear::forecast {

/// Positions in the field dim of `PrimitiveState::upper`.
enum PrimitiveField : int64_t { kVorticity = 0, kDivergence = 1, kTemperature = 2, kHumidity = 3 };

/// One time level.
///
/// Shapes:  upper         [N+1, 2, F, B, K, J]: vorticity, divergence (s-1), temperature minus the reference (K) and,
///                        where F = 4, specific humidity (kg kg-1); K layers, top first
///          log_pressure  [N+1, 2, B, J]: pi = ln(ps / p0)
struct PrimitiveState {
  torch::Tensor upper, log_pressure;
  int64_t num_fields() const { return upper.size(2); }
  int64_t num_members() const { return upper.size(3); }
  int64_t num_layers() const { return upper.size(4); }
  bool is_moist() const { return num_fields() > kHumidity; }
  torch::Tensor field(PrimitiveField f) const { return upper.select(2, f); }
};

/// Values on the transform's grid. Shapes: [B, K, 2, H, L] (pi, px, py: [B, 2, H, L]); views of `all` [n, 2, H, L].
struct GridFields {
  torch::Tensor all;
  torch::Tensor vorticity, divergence, temperature;  ///< temperature minus the reference
  torch::Tensor humidity;                            ///< undefined in a dry state
  torch::Tensor u_cos, v_cos;                        ///< wind times cos(latitude), m s-1
  torch::Tensor pi, px, py;                          ///< ln(ps / p0) and cos(latitude) times its gradient, m-1
};

}  // namespace pear::forecast
