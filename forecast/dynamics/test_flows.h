// Flows with known behaviour, for acceptance.
#pragma once

#include "forecast/dynamics/planet.h"
#include "forecast/dynamics/primitive_state.h"
#include "forecast/dynamics/sigma_coordinate.h"
#include "sphere/harmonics/transform.h"

namespace pear::forecast {

/// A start and the surface that belongs to it ([N+1, 2, J], m2 s-2; undefined: flat).
struct TestFlow {
  PrimitiveState state;
  torch::Tensor surface_geopotential;
};

/// Balanced zonal jets over their own orography; with a wind perturbation at 20 E, 40 N they break into a wave.
/// Source: Jablonowski and Williamson 2006, eqs. (2)-(10), planet as in its appendix.
TestFlow jablonowski_williamson(const sphere::SphericalHarmonicTransform& transform, const SigmaCoordinate& sigma,
                                const Planet& planet, bool perturbed);

/// Wave number 4 in an isothermal atmosphere at the reference temperature, the same at every level; surface pressure as
/// shallow water of that flow would have it.
/// Source: Phillips 1959; Williamson et al. 1992 (J. Comput. Phys. 102), test 6.
TestFlow rossby_haurwitz(const sphere::SphericalHarmonicTransform& transform, const SigmaCoordinate& sigma,
                         const Planet& planet);

/// Rest at 288 K sigma^0.19 (not below 200 K) with white vorticity noise of 2e-7 s-1 in the largest waves: the start of
/// climate runs. Members differ in the noise.
TestFlow rest_with_noise(const sphere::SphericalHarmonicTransform& transform, const SigmaCoordinate& sigma,
                         const Planet& planet, int64_t num_members, uint64_t seed);

}  // namespace pear::forecast
