// Derivatives in spectral space, truncation and spectra.
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "base/error.h"
#include "sphere/harmonics/checks.h"
#include "sphere/harmonics/transform.h"

namespace pear::sphere {

torch::Tensor SphericalHarmonicTransform::truncate(const torch::Tensor& spectral) const {
  check_spectral(spectral, "truncate");
  return spectral * spread(tables_.mask, spectral);
}

std::pair<torch::Tensor, torch::Tensor> SphericalHarmonicTransform::gradient(const torch::Tensor& spectral) const {
  check_spectral(spectral, "gradient");
  return {apply_stencil(tables_.gradient, spectral, {}, 1.0, 1.0),
          apply_stencil(tables_.gradient, {}, spectral, 1.0, 1.0)};
}

torch::Tensor SphericalHarmonicTransform::laplacian(const torch::Tensor& spectral, double radius) const {
  check_spectral(spectral, "laplacian");
  return spectral * spread(tables_.eigenvalue / (radius * radius), spectral);
}

torch::Tensor SphericalHarmonicTransform::inverse_laplacian(const torch::Tensor& spectral, double radius) const {
  check_spectral(spectral, "inverse_laplacian");
  return spectral * spread(tables_.inverse_eigenvalue * (radius * radius), spectral);
}

// U = (i m chi - H psi) / a, V = (i m psi + H chi) / a with chi, psi the inverse Laplacians and H = (1 - mu^2) d/dmu.
std::pair<torch::Tensor, torch::Tensor> SphericalHarmonicTransform::wind_from_vorticity_divergence(
    const torch::Tensor& vorticity, const torch::Tensor& divergence, double radius) const {
  check_spectral(vorticity, "wind_from_vorticity_divergence");
  check_spectral(divergence, "wind_from_vorticity_divergence");
  return {apply_stencil(tables_.wind, divergence, vorticity, radius, radius),
          apply_stencil(tables_.wind, vorticity, divergence, radius, -radius)};
}

// By parts: div_l = (i m u_l - (l+1) eps_l v_{l-1} + l eps_{l+1} v_{l+1}) / a.
torch::Tensor SphericalHarmonicTransform::divergence(const torch::Tensor& u_over_cos, const torch::Tensor& v_over_cos,
                                                     double radius) const {
  check_spectral(u_over_cos, "divergence");
  check_spectral(v_over_cos, "divergence");
  return apply_stencil(tables_.divergence, u_over_cos, v_over_cos, 1.0 / radius, 1.0 / radius);
}

torch::Tensor SphericalHarmonicTransform::curl(const torch::Tensor& u_over_cos, const torch::Tensor& v_over_cos,
                                               double radius) const {
  check_spectral(u_over_cos, "curl");
  check_spectral(v_over_cos, "curl");
  return apply_stencil(tables_.divergence, v_over_cos, u_over_cos, 1.0 / radius, -1.0 / radius);
}

std::pair<torch::Tensor, torch::Tensor> SphericalHarmonicTransform::vorticity_divergence_from_wind(
    const torch::Tensor& u_over_cos, const torch::Tensor& v_over_cos, double radius) const {
  return {curl(u_over_cos, v_over_cos, radius), divergence(u_over_cos, v_over_cos, radius)};
}

torch::Tensor SphericalHarmonicTransform::power_spectrum(const torch::Tensor& spectral) const {
  check_spectral(spectral, "power_spectrum");
  auto power = spectral.square().sum(1);  // [N+1, D..., J]
  power = at::cat({power.narrow(0, 0, 1), power.narrow(0, 1, options_.truncation) * 2.0}, 0);
  power = power.movedim(0, -2).flatten(-2);  // [D..., (N+1) J]
  std::vector<int64_t> shape = power.sizes().vec();
  shape.back() = num_degrees() + 1;  // one bin more for what lies beyond degree N+1
  return at::zeros(shape, power.options()).index_add(-1, tables_.degree, power).narrow(-1, 0, num_degrees());
}

torch::Tensor SphericalHarmonicTransform::change_truncation(const torch::Tensor& spectral, int64_t truncation) {
  check_spectral_shape(spectral, spectral.dim() > 0 ? std::max<int64_t>(spectral.size(0) - 1, 1) : 1,
                       "change_truncation");
  if (truncation < 1)
    throw ConfigError(
        "BadTruncation", "sphere.harmonics",
        {.what = "change of truncation", .expected = "1 or more", .found = fmt::format("{}", truncation)});
  const int64_t orders = truncation + 1, have = spectral.size(0);
  if (orders > have)
    return at::constant_pad_nd(spectral, [&] {
      std::vector<int64_t> pad(static_cast<size_t>(2 * spectral.dim()), 0);
      pad[1] = pad.back() = orders - have;
      return pad;
    }());
  const auto cut = spectral.narrow(0, 0, orders).narrow(-1, 0, orders + 1);
  const auto degree =
      at::arange(orders, spectral.device()).view({-1, 1, 1}) + at::arange(orders + 1, spectral.device());
  return cut * spread((degree <= truncation).to(spectral.dtype()), cut);
}

}  // namespace pear::sphere
