// The ground under the dynamical core: orography and land fraction, analytic or from files.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>

#include "sphere/harmonics/transform.h"

namespace pear::forecast {

/// Shapes: geopotential [N+1, 2, J], m2 s-2, smoothed by exp(-2 [l (l + 1) / N (N + 1)]^2); land [2, H, L], 0…1.
struct Surface {
  torch::Tensor geopotential, land;
};

/// A small Earth of Gaussian mountains and rounded continents at the places of the real ones; needs no file.
Surface analytic_surface(const sphere::SphericalHarmonicTransform& transform);

/// Surface geopotential (variable zs or z without levels, m2 s-2) and land-sea mask (lsm) of files on any global grid,
/// averaged over the cells of the transform's grid. An empty path takes that part of the analytic surface.
///
/// Errors:  DataError `GridMismatch` (not global, naming file and grid), `MissingVariable`, `NonFinite`; as open_fields.
Surface surface_from_files(const sphere::SphericalHarmonicTransform& transform, const std::filesystem::path& orography,
                           const std::filesystem::path& land_mask);

/// Spectrum of a field [2, H, L] of the ground, smoothed as the geopotential.
torch::Tensor smoothed_spectrum(const sphere::SphericalHarmonicTransform& transform, const torch::Tensor& grid);

/// Change of ln(ps) that keeps the air balanced when the ground is moved: -(new - old) / (R 280 K).
torch::Tensor pressure_over_new_ground(const torch::Tensor& log_pressure, const torch::Tensor& old_geopotential,
                                       const torch::Tensor& new_geopotential, double gas_constant);

}  // namespace pear::forecast
