// What the tests of the dynamical core share: small cores, norms on the grid, analytic starts.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <memory>
#include <numbers>
#include <utility>

#include "forecast/dynamics/held_suarez.h"
#include "forecast/dynamics/spectral_core.h"

namespace pear::forecast::testing {

/// Small tensors: a second thread costs more than it does, most of all on a busy machine.
class OneThread : public ::testing::Environment {
  void SetUp() override { at::set_num_threads(1); }
};
inline const auto* const kOneThread = ::testing::AddGlobalTestEnvironment(new OneThread);

using Transform = std::shared_ptr<const sphere::SphericalHarmonicTransform>;

inline SpectralCoreOptions core_options(int64_t truncation, double time_step, torch::Dtype dtype) {
  SpectralCoreOptions o;
  o.truncation = truncation, o.time_step = time_step, o.dtype = dtype;
  return o;
}

inline SpectralCore held_suarez_core(const SpectralCoreOptions& o, int64_t layers) {
  const auto transform = make_transform(o);
  const auto sigma = SigmaCoordinate::with_layers(layers);
  const Planet planet;
  auto physics = std::make_shared<HeldSuarezPhysics>(GridColumns(*transform, sigma, planet));
  return SpectralCore(o, transform, sigma, planet, {}, std::move(physics));
}

/// Analysed from the grid and cut to the truncation.
inline torch::Tensor spectrum(const sphere::SphericalHarmonicTransform& t, const torch::Tensor& grid) {
  return t.truncate(t.analyze(grid.to(t.options().dtype).contiguous()));
}

/// Weights [2, H, 1] that sum to 1 over the grid.
inline torch::Tensor mean_weights(const sphere::SphericalHarmonicTransform& t) {
  return (t.row_weights() / static_cast<double>(t.options().num_columns)).to(t.options().dtype);
}

/// State at rest, or with u = wind cos(lat), at the temperature T0 everywhere and ln(ps / p0) [2, H, L]: one member.
inline PrimitiveState isothermal_state(const sphere::SphericalHarmonicTransform& t, const Planet& planet,
                                       int64_t layers, double kelvin, double wind, const torch::Tensor& log_pressure) {
  const auto pi = spectrum(t, log_pressure);
  auto upper = at::zeros({t.num_orders(), 2, 3, 1, layers, t.num_degrees()}, pi.options());
  // Vorticity of u = U cos(lat) is 2 U mu / a; P_10 = sqrt(3) mu in this normalisation.
  upper.select(0, 0).select(0, 0).select(0, kVorticity).select(2, 1).fill_(2 * wind / planet.radius / std::sqrt(3.0));
  upper.select(0, 0).select(0, 0).select(0, kTemperature).select(2, 0).fill_(kelvin - planet.reference_temperature);
  return {upper, pi.unsqueeze(2).contiguous()};
}

inline double largest(const torch::Tensor& x) { return x.abs().max().item<double>(); }

inline CoreState copy_of(const CoreState& s) {
  const auto clone = [](const torch::Tensor& x) { return x.defined() ? x.clone() : x; };
  return {.previous = {clone(s.previous.upper), clone(s.previous.log_pressure)},
          .now = {clone(s.now.upper), clone(s.now.log_pressure)},
          .physics = clone(s.physics),
          .mass = clone(s.mass),
          .start_days = s.start_days,
          .step = s.step};
}

inline bool same_bits(const PrimitiveState& a, const PrimitiveState& b) {
  return torch::equal(a.upper, b.upper) && torch::equal(a.log_pressure, b.log_pressure);
}

}  // namespace pear::forecast::testing
