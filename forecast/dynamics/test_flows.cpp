#include "forecast/dynamics/test_flows.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <numbers>

#include "base/random.h"

namespace pear::forecast {
namespace {

using torch::Tensor;
constexpr double kPiValue = std::numbers::pi;

/// Coordinates of the transform's grid in float64: [2, H, L].
struct Points {
  Tensor sin_lat, cos_lat, lon;
  explicit Points(const sphere::SphericalHarmonicTransform& t) {
    const int64_t columns = t.options().num_columns;
    const auto zero = at::zeros({2, t.num_hemisphere_rows(), columns}, torch::kFloat64);
    sin_lat = t.row_mu() + zero;
    cos_lat = (1 - sin_lat.square()).sqrt();
    lon = at::arange(columns, torch::kFloat64) * (2 * kPiValue / static_cast<double>(columns)) + zero;
  }
};

/// Analysed and cut to the truncation, whatever the type of `grid`.
Tensor spectrum(const sphere::SphericalHarmonicTransform& t, const Tensor& grid) {
  return t.truncate(t.analyze(grid.to(t.options().dtype).to(t.options().device)));
}

/// State with one member from fields [K, 2, H, L] (u without the factor cos) and ln(ps / p0) [2, H, L].
PrimitiveState state_from(const sphere::SphericalHarmonicTransform& t, const Planet& planet, const Points& at_points,
                          const Tensor& u, const Tensor& v, const Tensor& temperature, const Tensor& log_pressure) {
  const auto [vorticity, divergence] = t.vorticity_divergence_from_wind(
      t.analyze((u / at_points.cos_lat).to(t.options().dtype).to(t.options().device)),
      t.analyze((v / at_points.cos_lat).to(t.options().dtype).to(t.options().device)), planet.radius);
  const auto upper = at::stack({vorticity, divergence, spectrum(t, temperature - planet.reference_temperature)}, 2);
  return {upper.unsqueeze(3).contiguous(), spectrum(t, log_pressure).unsqueeze(2).contiguous()};
}

/// The factor of latitude that temperature and surface geopotential share, with the jet amplitude `wind` (m s-1).
Tensor balance(const Points& p, const Tensor& wind, const Planet& planet) {
  const auto c2 = p.cos_lat.square(), s2 = p.sin_lat.square();
  return (-2 * s2.pow(3) * (c2 + 1.0 / 3) + 10.0 / 63) * wind +
         (1.6 * p.cos_lat.pow(3) * (s2 + 2.0 / 3) - kPiValue / 4) * (planet.radius * planet.rotation);
}

double jw_mean_temperature(double eta, const Planet& planet) {
  constexpr double kSurface = 288, kLapse = 0.005, kTropopause = 0.2, kStratosphere = 4.8e5;
  const double t = kSurface * std::pow(eta, planet.gas_constant * kLapse / planet.gravity);
  return eta >= kTropopause ? t : t + kStratosphere * std::pow(kTropopause - eta, 5);
}

}  // namespace

TestFlow jablonowski_williamson(const sphere::SphericalHarmonicTransform& t, const SigmaCoordinate& sigma,
                                const Planet& planet, bool perturbed) {
  constexpr double kJet = 35, kEta0 = 0.252, kPerturbation = 1;
  const Points p(t);
  std::vector<Tensor> u, temperature;
  const auto sin_2lat = 2 * p.sin_lat * p.cos_lat;
  const double lat_c = 2 * kPiValue / 9, lon_c = kPiValue / 9;
  const auto arc = (std::sin(lat_c) * p.sin_lat + std::cos(lat_c) * p.cos_lat * (p.lon - lon_c).cos()).clamp(-1, 1).acos();
  const auto bump = kPerturbation * (-(arc * 10).square()).exp();
  for (const double eta : sigma.full) {
    const double eta_v = (eta - kEta0) * kPiValue / 2;
    const double cos15 = std::pow(std::cos(eta_v), 1.5);
    u.push_back(kJet * cos15 * sin_2lat.square() + (perturbed ? bump : at::zeros_like(bump)));
    const double factor =
        0.75 * eta * kPiValue * kJet / planet.gas_constant * std::sin(eta_v) * std::sqrt(std::cos(eta_v));
    temperature.push_back(jw_mean_temperature(eta, planet) +
                          factor * balance(p, at::full({}, 2 * kJet * cos15, torch::kFloat64), planet));
  }
  const double surface_wind = kJet * std::pow(std::cos((1 - kEta0) * kPiValue / 2), 1.5);
  const auto geopotential = surface_wind * balance(p, at::full({}, surface_wind, torch::kFloat64), planet);
  const auto wind = at::stack(u, 0);
  const auto log_pressure = at::full_like(p.lon, std::log(1e5 / planet.base_pressure));
  return {state_from(t, planet, p, wind, at::zeros_like(wind), at::stack(temperature, 0), log_pressure),
          spectrum(t, geopotential)};
}

TestFlow rossby_haurwitz(const sphere::SphericalHarmonicTransform& t, const SigmaCoordinate& sigma,
                         const Planet& planet) {
  constexpr double kOmega = 7.848e-6, kAmplitude = 7.848e-6, kWave = 4;
  const Points p(t);
  const double a = planet.radius, r = kWave, big = planet.rotation;
  const auto c = p.cos_lat, s = p.sin_lat, c2 = c.square();
  const auto cr = c.pow(r), wave = (r * p.lon).cos();
  const auto u = a * kOmega * c + a * kAmplitude * c.pow(r - 1) * (r * s.square() - c2) * wave;
  const auto v = -a * kAmplitude * r * c.pow(r - 1) * s * (r * p.lon).sin();
  const auto height_a = kOmega / 2 * (2 * big + kOmega) * c2 +
                        0.25 * kAmplitude * kAmplitude * cr.square() *
                            ((r + 1) * c2 + (2 * r * r - r - 2) - 2 * r * r / c2);
  const auto height_b = 2 * (big + kOmega) * kAmplitude / ((r + 1) * (r + 2)) * cr *
                        ((r * r + 2 * r + 2) - (r + 1) * (r + 1) * c2);
  const auto height_c = 0.25 * kAmplitude * kAmplitude * cr.square() * ((r + 1) * c2 - (r + 2));
  const auto geopotential = a * a * (height_a + height_b * wave + height_c * (2 * r * p.lon).cos());
  const auto levels = [&](const Tensor& x) { return x.unsqueeze(0).expand({sigma.num_layers(), -1, -1, -1}); };
  const auto temperature = at::full_like(p.lon, planet.reference_temperature);
  return {state_from(t, planet, p, levels(u), levels(v), levels(temperature),
                     geopotential / (planet.gas_constant * planet.reference_temperature)),
          {}};
}

TestFlow rest_with_noise(const sphere::SphericalHarmonicTransform& t, const SigmaCoordinate& sigma, const Planet& planet,
                         int64_t num_members, uint64_t seed) {
  constexpr double kAmplitude = 2e-7;
  constexpr int64_t kMaxOrder = 8, kMaxDegree = 12;
  const int64_t orders = t.num_orders(), degrees = t.num_degrees(), layers = sigma.num_layers();
  auto upper = at::zeros({orders, 2, 3, num_members, layers, degrees}, torch::kFloat64);
  auto x = upper.accessor<double, 6>();
  uint64_t counter = 0;
  for (int64_t b = 0; b < num_members; ++b)
    for (int64_t m = 0; m <= std::min(kMaxOrder, orders - 1); ++m)
      for (int64_t l = std::max<int64_t>(m, 1); l < std::min(kMaxDegree, orders); ++l)
        for (int64_t part = 0; part < (m == 0 ? 1 : 2); ++part)
          for (int64_t k = 0; k < layers; ++k)
            x[m][part][kVorticity][b][k][l - m] = kAmplitude * random_normal(seed, "dynamics.noise", counter++);
  for (int64_t b = 0; b < num_members; ++b)
    for (int64_t k = 0; k < layers; ++k)
      x[0][0][kTemperature][b][k][0] =
          std::max(200.0, 288 * std::pow(sigma.full[static_cast<size_t>(k)], 0.19)) - planet.reference_temperature;
  const auto options = torch::TensorOptions().dtype(t.options().dtype).device(t.options().device);
  return {{upper.to(options), at::zeros({orders, 2, num_members, degrees}, options)}, {}};
}

}  // namespace pear::forecast
