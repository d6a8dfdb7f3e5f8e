#include "forecast/dynamics/primitive_equations.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/cumsum.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "base/error.h"

namespace pear::forecast {
namespace {

torch::Tensor column(const std::vector<double>& values, size_t first, size_t count,
                     const torch::TensorOptions& options) {
  const std::vector<double> part(values.begin() + static_cast<std::ptrdiff_t>(first),
                                 values.begin() + static_cast<std::ptrdiff_t>(first + count));
  return torch::tensor(part, torch::kFloat64).to(options).view({-1, 1, 1, 1});
}

/// (sdot dX/dsigma)_k = [sdot_{k+1/2} (X_{k+1} - X_k) + sdot_{k-1/2} (X_k - X_{k-1})] / (2 ds_k)
torch::Tensor vertical_advection(const torch::Tensor& sdot, const torch::Tensor& x, const torch::Tensor& thickness) {
  const int64_t layers = x.size(1);
  const auto flux = sdot * (x.narrow(1, 1, layers - 1) - x.narrow(1, 0, layers - 1));
  const auto none = at::zeros_like(flux.narrow(1, 0, 1));
  return (at::cat({flux, none}, 1) + at::cat({none, flux}, 1)) / (2 * thickness);
}

}  // namespace

PrimitiveEquations::PrimitiveEquations(std::shared_ptr<const sphere::SphericalHarmonicTransform> transform,
                                       SigmaCoordinate sigma, const Planet& planet, torch::Tensor surface_geopotential,
                                       GridPath path)
    : transform_(std::move(transform)), sigma_(std::move(sigma)), planet_(planet), path_(path) {
  const auto& o = transform_->options();
  const auto options = torch::TensorOptions().dtype(o.dtype).device(o.device);
  const auto mu = transform_->row_mu();
  cos2_ = (1 - mu[0].square()).to(options);
  coriolis_ = (2 * planet_.rotation * mu).to(options);
  if (surface_geopotential.defined()) surface_geopotential_ = surface_geopotential.to(options).contiguous();
  const auto layers = static_cast<size_t>(sigma_.num_layers());
  hydrostatic_ = sigma_.hydrostatic_matrix(planet_).to(options);
  half_ = column(sigma_.half, 1, layers - 1, options);
  thickness_ = column(sigma_.thickness, 0, layers, options);
  log_ratio_ = column(sigma_.log_ratio, 0, layers, options);
  alpha_ = column(sigma_.alpha, 0, layers, options);
  upper_half_ = column(sigma_.half, 0, layers, options);
  cos2_rows_ = at::cat({cos2_, cos2_}, 0).flatten().contiguous();
}

torch::Tensor PrimitiveEquations::prepare_tensor(const PrimitiveState& state) const {
  const auto& t = *transform_;
  const auto [u, v] =
      t.wind_from_vorticity_divergence(state.field(kVorticity), state.field(kDivergence), planet_.radius);
  const auto [px, py] = t.gradient(state.log_pressure);
  const auto flat = [&](const torch::Tensor& x) { return x.reshape({t.num_orders(), 2, -1, t.num_degrees()}); };
  return at::cat({flat(state.upper), flat(u), flat(v), state.log_pressure, px / planet_.radius, py / planet_.radius},
                 2);
}

GridFields PrimitiveEquations::grid_fields(const PrimitiveState& state) const {
  const int64_t members = state.num_members(), layers = state.num_layers(), fields = state.num_fields();
  const bool loops = takes_loops(path_, layers, {state.upper, state.log_pressure});
  const auto grid = transform_->synthesize(loops ? prepare_fused(state) : prepare_tensor(state));
  GridFields g{.all = grid};
  int64_t next = 0;
  const auto upper = [&] {
    const auto x = grid.narrow(0, next, members * layers);
    next += members * layers;
    return x.view({members, layers, 2, grid.size(2), grid.size(3)});
  };
  const auto surface = [&] {
    next += members;
    return grid.narrow(0, next - members, members);
  };
  g.vorticity = upper(), g.divergence = upper(), g.temperature = upper();
  if (fields > kHumidity) g.humidity = upper();
  g.u_cos = upper(), g.v_cos = upper();
  g.pi = surface(), g.px = surface(), g.py = surface();
  return g;
}

torch::Tensor PrimitiveEquations::products_tensor(const GridFields& g, const torch::Tensor& physics) const {
  const auto px = g.px.unsqueeze(1), py = g.py.unsqueeze(1);
  const int64_t layers = sigma_.num_layers();
  const auto advection = (g.u_cos * px + g.v_cos * py) / cos2_;     // G_k = v . grad(pi)
  const auto layer_mass = (g.divergence + advection) * thickness_;  // d_k
  const auto above = at::cumsum(layer_mass, 1);                     // C_k
  const auto total = above.narrow(1, layers - 1, 1);
  const auto sdot = half_ * total - above.narrow(1, 0, layers - 1);  // at the inner half levels
  const auto omega = advection - (log_ratio_ * (above - layer_mass) + alpha_ * layer_mass) / thickness_;
  const auto temperature = g.temperature + planet_.reference_temperature;
  const bool moist = g.humidity.defined();
  auto virtual_excess = moist ? planet_.virtual_factor() * g.humidity * temperature : torch::Tensor();
  const auto tv_prime = moist ? g.temperature + virtual_excess : g.temperature;
  const auto absolute = g.vorticity + coriolis_;
  const double r = planet_.gas_constant;
  auto au = absolute * g.v_cos - r * tv_prime * px - vertical_advection(sdot, g.u_cos, thickness_);
  auto av = -absolute * g.u_cos - r * tv_prime * py - vertical_advection(sdot, g.v_cos, thickness_);
  auto energy = (g.u_cos.square() + g.v_cos.square()) / (2 * cos2_);
  auto heating = g.temperature * g.divergence - vertical_advection(sdot, g.temperature, thickness_) +
                 planet_.kappa() * (tv_prime + planet_.reference_temperature) * omega;
  torch::Tensor moisture;
  if (moist) {
    energy = energy + at::matmul(hydrostatic_, virtual_excess.flatten(2)).view_as(virtual_excess);
    moisture = g.humidity * g.divergence - vertical_advection(sdot, g.humidity, thickness_);
  }
  if (physics.defined()) {
    au = au + physics[0], av = av + physics[1], heating = heating + physics[2];
    if (moist) moisture = moisture + physics[3];
  }
  const auto flat = [](const torch::Tensor& x) { return x.flatten(0, 1); };
  std::vector<torch::Tensor> parts{flat(au / cos2_), flat(av / cos2_), flat(g.u_cos * g.temperature / cos2_),
                                   flat(g.v_cos * g.temperature / cos2_)};
  if (moist) parts.insert(parts.end(), {flat(g.u_cos * g.humidity / cos2_), flat(g.v_cos * g.humidity / cos2_)});
  parts.insert(parts.end(), {flat(energy), flat(heating)});
  if (moist) parts.push_back(flat(moisture));
  parts.push_back(-total.squeeze(1));
  return at::cat(parts, 0);
}

PrimitiveState PrimitiveEquations::tendencies(const PrimitiveState& state, const GridFields& fields,
                                              const torch::Tensor& physics) const {
  const bool loops = takes_loops(path_, state.num_layers(),
                                 {state.upper, state.log_pressure, fields.all, physics, surface_geopotential_});
  const auto spectral = transform_->analyze(loops ? products_fused(fields, physics) : products_tensor(fields, physics));
  return loops ? finish_fused(state, spectral) : finish_tensor(state, spectral);
}

PrimitiveState PrimitiveEquations::finish_tensor(const PrimitiveState& state, const torch::Tensor& spectral) const {
  const auto& t = *transform_;
  const int64_t members = state.num_members(), layers = state.num_layers();
  int64_t next = 0;
  const auto take = [&] {
    const auto x = spectral.narrow(2, next, members * layers);
    next += members * layers;
    return x.unflatten(2, {members, layers});
  };
  const bool moist = state.is_moist();
  const auto au = take(), av = take(), ut = take(), vt = take();
  const auto uq = moist ? take() : torch::Tensor(), vq = moist ? take() : torch::Tensor();
  auto energy = take();
  const auto heating = take();
  const auto moisture = moist ? take() : torch::Tensor();
  const auto pressure = spectral.narrow(2, next, members);
  // Linear terms of the geopotential: Phi_s + G T' + R Tref pi.
  energy = energy + at::matmul(hydrostatic_, state.field(kTemperature)) +
           planet_.gas_constant * planet_.reference_temperature * state.log_pressure.unsqueeze(3);
  if (surface_geopotential_.defined()) energy = energy + surface_geopotential_.unsqueeze(2).unsqueeze(2);
  const double a = planet_.radius;
  std::vector<torch::Tensor> parts{t.curl(au, av, a), t.divergence(au, av, a) - t.laplacian(energy, a),
                                   heating - t.divergence(ut, vt, a)};
  if (moist) parts.push_back(moisture - t.divergence(uq, vq, a));
  return {t.truncate(at::stack(parts, 2)), t.truncate(pressure)};
}

}  // namespace pear::forecast
