// Real spherical harmonic transform on Gaussian and equiangular rows: the entry point of this folder.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <utility>

#include "sphere/harmonics/degree_tables.h"
#include "sphere/harmonics/fourier_sums.h"
#include "sphere/harmonics/legendre_sums.h"
#include "sphere/harmonics/transform_options.h"

namespace pear::sphere {

/// Triangular truncation T_N of real fields, orders m = 0..N, degrees l = m..N+1 (the last one for wind components).
///
///   f(lambda, mu) = sum_m (2 - delta_m0) Re[ sum_l c_lm P_lm(mu) exp(i m lambda) ],   1/2 int P_lm^2 dmu = 1
///
/// so c_00 is the global mean.
///
/// Shapes:  spectral  [N+1 (m), 2 (re, im), D..., J = N+2 (l - m)], zero where l > N+1; Im of m = 0 is zero.
///          grid      [D..., 2 (north, south), H = ceil(num_rows / 2), num_columns]; both hemispheres run from the
///                    pole to the equator. With an odd number of rows the equator is the last row of both.
/// Exact:   analyze(synthesize(c)) = c for l <= N if the rows integrate degree 2 N (Gaussian num_rows > N, Poles and
///          Half num_rows > 2 N, North num_rows > 2N), and num_columns > 2 N.
/// Errors:  ConfigError `BadTruncation` where that does not hold, `UnknownGrid` for rows without exact quadrature
/// (Inner,
///          Regional, North with an odd number), `UnsupportedDtype`; ShapeError `SizeMismatch`, `WrongDtype`.
/// Source:  Temperton 1991 (J. Comput. Phys. 92) for wind from vorticity and divergence with scalar functions only.
/// Differentiable in its tensor argument.
class SphericalHarmonicTransform {
 public:
  explicit SphericalHarmonicTransform(const HarmonicsOptions& options);

  torch::Tensor synthesize(const torch::Tensor& spectral) const;
  /// The last degree N+1 of the result is kept (needed by divergence and curl); `truncate` drops it.
  torch::Tensor analyze(const torch::Tensor& grid) const;
  /// Zero beyond degree N.
  torch::Tensor truncate(const torch::Tensor& spectral) const;

  /// Spectral coefficients of d f / d lambda and (1 - mu^2) d f / d mu, the latter of degree N + 1. Of the argument, as
  /// of those of wind_from_vorticity_divergence, only degrees <= N are used.
  std::pair<torch::Tensor, torch::Tensor> gradient(const torch::Tensor& spectral) const;
  /// c -> -l (l + 1) / radius^2 c
  torch::Tensor laplacian(const torch::Tensor& spectral, double radius) const;
  /// Inverse of laplacian; the mean of the result is zero.
  torch::Tensor inverse_laplacian(const torch::Tensor& spectral, double radius) const;
  /// Spectra of U = u cos(lat), V = v cos(lat) from those of vorticity and divergence (degree <= N).
  std::pair<torch::Tensor, torch::Tensor> wind_from_vorticity_divergence(const torch::Tensor& vorticity,
                                                                         const torch::Tensor& divergence,
                                                                         double radius) const;
  /// Vorticity and divergence, degrees <= N, of the vector whose components times 1 / cos(lat) were analysed:
  /// `u_over_cos` = analyze(u / cos), `v_over_cos` = analyze(v / cos). Rows at a pole need the limit of u / cos.
  std::pair<torch::Tensor, torch::Tensor> vorticity_divergence_from_wind(const torch::Tensor& u_over_cos,
                                                                         const torch::Tensor& v_over_cos,
                                                                         double radius) const;
  /// div and curl apart, as the two above need them in a time step. Same arguments.
  torch::Tensor divergence(const torch::Tensor& u_over_cos, const torch::Tensor& v_over_cos, double radius) const;
  torch::Tensor curl(const torch::Tensor& u_over_cos, const torch::Tensor& v_over_cos, double radius) const;

  /// grid [D..., 2, H, num_columns] -> [D..., num_rows, num_columns], north first, and back (equator: mean of both).
  torch::Tensor to_latlon(const torch::Tensor& grid) const;
  torch::Tensor from_latlon(const torch::Tensor& rows) const;

  /// Power per degree: S_l = sum over m of (2 - delta_m0) |c_lm|^2, so that sum_l S_l is the mean square of f.
  /// Shapes: spectral -> [D..., N+2].
  torch::Tensor power_spectrum(const torch::Tensor& spectral) const;
  /// Coefficients in the shape of another truncation, [N'+1, 2, D..., N'+2]: cut to degrees <= N' or padded with zeros.
  static torch::Tensor change_truncation(const torch::Tensor& spectral, int64_t truncation);

  /// sin(latitude) of the northern rows, pole to equator: float64 [H] on the CPU. South is its negative, except for
  /// North rows, whose southern ones lie one step nearer to the equator (their last is the equator).
  const torch::Tensor& mu() const { return mu_; }
  /// sin(latitude) of all rows, [2, H, 1], float64, CPU.
  const torch::Tensor& row_mu() const { return row_mu_; }
  /// Quadrature weights of the grid [2, H, 1] so that sum(weights * f) / num_columns is the global mean; float64, CPU.
  const torch::Tensor& row_weights() const { return row_weights_; }
  const HarmonicsOptions& options() const { return options_; }
  /// Factors of the derivatives, for loops that fuse several of them.
  const DegreeTables& degree_tables() const { return tables_; }
  int64_t num_orders() const { return options_.truncation + 1; }
  int64_t num_degrees() const { return options_.truncation + 2; }
  int64_t num_hemisphere_rows() const { return (options_.num_rows + 1) / 2; }

 private:
  void check_spectral(const torch::Tensor& spectral, const char* function) const;
  void check_grid(const torch::Tensor& grid, const char* function) const;
  void check_rows(const torch::Tensor& rows, const char* function) const;

  HarmonicsOptions options_;
  torch::Tensor mu_, row_mu_, row_weights_;
  LegendreSums legendre_;
  FourierSums fourier_;
  DegreeTables tables_;
};

/// Smallest Gaussian grid without aliasing of quadratic terms for the usual truncations (num_rows, num_columns):
/// T21 32x64, T31 48x96, T42 64x128, T63 96x192, T85 128x256; else the next even rows >= (3N+1)/2 and twice as many
/// columns, rounded up to a product of 2, 3 and 5.
std::pair<int64_t, int64_t> quadratic_gaussian_grid(int64_t truncation);

}  // namespace pear::sphere
