// Regrid pairs of vector components (eastward, northward) through 3-D Cartesian components.
#pragma once

#include "regrid/apply.h"

namespace pear::regrid {

/// V = u east + v north is regridded as three scalars and projected on the target's east and north: directions turn
/// with the meridians, which matters at the poles.
///
///   east = (-sin phi, cos phi, 0), north = (-cos theta cos phi, -cos theta sin phi, sin theta)
///
/// Shapes:  u, v [F, S] -> u_out, v_out [F, T].
/// Units:   as the input.
/// Missing: a vector with one missing component is missing.
/// Errors:  as apply_weights.
void apply_vector(const Weights& weights, std::span<const float> u, std::span<const float> v, std::span<float> u_out,
                  std::span<float> v_out, int64_t num_fields, const ApplyOptions& options = {});
void apply_vector(const Weights& weights, std::span<const double> u, std::span<const double> v, std::span<double> u_out,
                  std::span<double> v_out, int64_t num_fields, const ApplyOptions& options = {});

}  // namespace pear::regrid
