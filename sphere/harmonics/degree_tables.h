// Factors of derivatives in spectral space, and their application: all are neighbours in degree and a turn of phase.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace pear::sphere {

/// out_l = phase i x_l + up y_{l+1} + down y_{l-1}
struct SpectralStencil {
  torch::Tensor phase;     ///< [N+1, 2, J]: -phase for the real part, +phase for the imaginary one
  torch::Tensor up, down;  ///< [N+1, 1, J]
};

/// Factors [order m, degree l - m] of one truncation on the unit sphere. Inputs of degree N+1 are ignored by `gradient`
/// and `wind`, which expect scalars; outputs of degree N+1 are zero in `divergence`.
struct DegreeTables {
  SpectralStencil gradient;          ///< phase m;  up (l+2) eps_{l+1}, down -(l-1) eps_l: (1 - mu^2) d/dmu
  SpectralStencil wind;              ///< phase -m / (l (l+1));  up eps_{l+1} / (l+1), down -eps_l / l
  SpectralStencil divergence;        ///< phase m;  up l eps_{l+1}, down -(l+1) eps_l
  torch::Tensor eigenvalue;          ///< [N+1, 1, J]: -l (l+1)
  torch::Tensor inverse_eigenvalue;  ///< the same, 0 for l = 0
  torch::Tensor mask;                ///< [N+1, 1, J]: 1 where l <= N
  torch::Tensor degree;              ///< [(N+1) J] int64: l, and N+2 beyond degree N+1
};

DegreeTables make_degree_tables(int64_t truncation, torch::Dtype dtype, torch::Device device);

/// scale_x i phase x + scale_y (up y_{l+1} + down y_{l-1}); x and y [N+1, 2, D..., J], either may be undefined: its
/// part is left out. One pass on a CPU where autograd does not record, `compose_stencil` elsewhere.
torch::Tensor apply_stencil(const SpectralStencil& stencil, const torch::Tensor& x, const torch::Tensor& y,
                            double scale_x, double scale_y);

/// The same from tensor operations.
torch::Tensor compose_stencil(const SpectralStencil& stencil, const torch::Tensor& x, const torch::Tensor& y,
                              double scale_x, double scale_y);

/// A table [N+1, 1 or 2, J] with as many dims as `like` [N+1, 2, D..., J].
torch::Tensor spread(const torch::Tensor& table, const torch::Tensor& like);

}  // namespace pear::sphere
