#include "forecast/dynamics/semi_implicit.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>

#include <cmath>

namespace pear::forecast {
namespace {

constexpr double kSecondsPerDay = 86400;
/// Temperature of the standard profile that diffusion takes as level along pressure: 288 K sigma^0.19, not colder than
/// the isothermal layer.
constexpr double kSurfaceKelvin = 288, kLapseExponent = 0.19, kTropopauseKelvin = 216.65;

torch::Tensor degrees(int64_t truncation) {
  auto l = at::empty({truncation + 1, 1, 1, 1, truncation + 2}, torch::kFloat64);
  auto* out = l.data_ptr<double>();
  for (int64_t m = 0; m <= truncation; ++m)
    for (int64_t j = 0; j < truncation + 2; ++j) *out++ = static_cast<double>(m + j);
  return l;
}

}  // namespace

SemiImplicitLeapfrog::SemiImplicitLeapfrog(const SigmaCoordinate& sigma, const Planet& planet, int64_t truncation,
                                           const torch::TensorOptions& tensor_options, const LeapfrogOptions& options,
                                           GridPath path)
    : options_(options), path_(path), gas_reference_(planet.gas_constant * planet.reference_temperature) {
  const auto column = [&](const std::vector<double>& values) {
    return torch::tensor(values, torch::kFloat64).to(tensor_options).view({-1, 1});
  };
  const VerticalModes modes = vertical_modes(sigma, planet);
  hydrostatic_ = sigma.hydrostatic_matrix(planet).to(tensor_options);
  temperature_ = sigma.temperature_matrix(planet).to(tensor_options);
  thickness_ = column(sigma.thickness);
  vectors_ = modes.vectors.to(tensor_options).contiguous();
  inverse_ = modes.inverse.to(tensor_options).contiguous();
  speeds2_ = modes.speeds2.to(tensor_options).view({-1, 1});
  const auto l = degrees(truncation);
  const auto n = static_cast<double>(truncation);
  laplacian_ = (-l * (l + 1) / (planet.radius * planet.radius)).to(tensor_options);
  const double rate = options.diffusion_time_days > 0 ? 1 / (options.diffusion_time_days * kSecondsPerDay) : 0;
  diffusion_ =
      (rate * (l * (l + 1) / (n * (n + 1))).pow(static_cast<double>(options.diffusion_order) / 2)).to(tensor_options);
  std::vector<double> slope;
  for (const double s : sigma.full) {
    const double standard = kSurfaceKelvin * std::pow(s, kLapseExponent);
    slope.push_back(options.diffuse_along_pressure && standard > kTropopauseKelvin ? kLapseExponent * standard : 0);
  }
  pressure_slope_ = column(slope);
  // G x: own x_k + below_j x_j of the layers under it. H x: own x_k + above_k times the mass-weighted sum over it.
  const auto row = [](const std::vector<double>& values) { return torch::tensor(values, torch::kFloat64); };
  const double gas = planet.gas_constant, warming = planet.kappa() * planet.reference_temperature;
  sums_ = at::stack({gas * row(sigma.alpha), gas * row(sigma.log_ratio), warming * row(sigma.alpha),
                     warming * row(sigma.log_ratio) / row(sigma.thickness)})
              .to(tensor_options);
}

PrimitiveState SemiImplicitLeapfrog::advance(const PrimitiveState& previous, const PrimitiveState& now,
                                             const PrimitiveState& tendency, double tau) const {
  const bool loops = takes_loops(
      path_, now.num_layers(),
      {previous.upper, previous.log_pressure, now.upper, now.log_pressure, tendency.upper, tendency.log_pressure});
  return loops ? advance_fused(previous, now, tendency, tau) : advance_tensor(previous, now, tendency, tau);
}

PrimitiveState SemiImplicitLeapfrog::advance_tensor(const PrimitiveState& previous, const PrimitiveState& now,
                                                    const PrimitiveState& tendency, double tau) const {
  const double alpha = options_.implicit_weight;
  // Shapes: fields [N+1, 2, B, K, J]; pressure as one more layer [N+1, 2, B, 1, J].
  const auto pressure = [](const PrimitiveState& s) { return s.log_pressure.unsqueeze(3); };
  const auto d_divergence = now.field(kDivergence) - previous.field(kDivergence);
  const auto d_temperature = now.field(kTemperature) - previous.field(kTemperature);
  const auto d_pressure = pressure(now) - pressure(previous);
  const auto mass = thickness_.t();
  const auto r_temperature = tendency.field(kTemperature) + at::matmul(temperature_, d_divergence);
  const auto r_pressure = pressure(tendency) + at::matmul(mass, d_divergence);
  const auto r_divergence = tendency.field(kDivergence) +
                            laplacian_ * (at::matmul(hydrostatic_, d_temperature - alpha * tau * r_temperature) +
                                          gas_reference_ * (d_pressure - alpha * tau * r_pressure));
  const auto modes = at::matmul(inverse_, tau * r_divergence);
  const auto scale = 1 - (alpha * tau) * (alpha * tau) * laplacian_ * speeds2_;
  const auto divergence = at::matmul(vectors_, modes / scale);
  const auto temperature = tau * (r_temperature - alpha * at::matmul(temperature_, divergence));
  const auto d_pi = tau * (r_pressure - alpha * at::matmul(mass, divergence));

  std::vector<torch::Tensor> increments{tau * tendency.field(kVorticity), divergence, temperature};
  if (now.is_moist()) increments.push_back(tau * tendency.field(kHumidity));
  PrimitiveState next{previous.upper + at::stack(increments, 2), previous.log_pressure + d_pi.squeeze(3)};

  const auto damping = (1 + tau * diffusion_).reciprocal();
  const auto level = pressure_slope_ * pressure(next);
  auto parts = next.upper.unbind(2);
  for (size_t f = 0; f < parts.size(); ++f)
    parts[f] = f == kTemperature ? (parts[f] - level) * damping + level : parts[f] * damping;
  next.upper = at::stack(parts, 2);
  return next;
}

void SemiImplicitLeapfrog::filter(const PrimitiveState& previous, PrimitiveState& now, PrimitiveState& next) const {
  const bool loops =
      takes_loops(path_, now.num_layers(),
                  {previous.upper, previous.log_pressure, now.upper, now.log_pressure, next.upper, next.log_pressure});
  const auto one = [&](const torch::Tensor& p, torch::Tensor& n, torch::Tensor& x) {
    if (loops) return filter_fused(p, n, x);
    const auto d = options_.filter / 2 * (p - 2 * n + x);
    n = n + options_.filter_balance * d;
    x = x - (1 - options_.filter_balance) * d;
  };
  one(previous.upper, now.upper, next.upper);
  one(previous.log_pressure, now.log_pressure, next.log_pressure);
}

}  // namespace pear::forecast
