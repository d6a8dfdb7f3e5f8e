#include "forecast/dynamics/pressure_levels.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace pear::forecast {
namespace {

using torch::Tensor;
constexpr double kLapse = 0.0065;  ///< K m-1
constexpr double kPascalPerHectopascal = 100;
constexpr double kSeaRoughness = 1e-3, kLandRoughness = 0.1;  ///< m
constexpr double kDryAbove = 100;                             ///< hPa

/// The interval of `nodes` [n] (ascending) in which each x lies, cut to the first and last, and its share in it.
struct Place {
  Tensor index, share;  ///< share < 0 or > 1: outside
};

Place place_in(const Tensor& nodes, const Tensor& x) {
  const auto index = (at::searchsorted(nodes, x.contiguous()) - 1).clamp(0, nodes.numel() - 2);
  const auto lower = nodes.index({index}), upper = nodes.index({index + 1});
  return {index, (x - lower) / (upper - lower)};
}

/// Values [B, n, 2, H, L] at the node `index + offset`: [B, 2, H, L].
Tensor pick(const Tensor& values, const Tensor& index, int64_t offset) {
  return values.gather(1, (index + offset).unsqueeze(1)).squeeze(1);
}

Tensor linear(const Tensor& values, const Place& at_place) {
  const auto w = at_place.share.clamp(0, 1);
  return pick(values, at_place.index, 0) * (1 - w) + pick(values, at_place.index, 1) * w;
}

Tensor layer(const Tensor& x, int64_t k) { return x.select(1, k < 0 ? x.size(1) + k : k); }

}  // namespace

PressureLevels::PressureLevels(const PrimitiveEquations& equations, const Surface& surface,
                               std::vector<double> levels_hpa)
    : equations_(equations),
      columns_(equations.transform(), equations.sigma(), equations.planet()),
      levels_hpa_(std::move(levels_hpa)),
      order_(levels_hpa_.size()) {
  ground_ = equations.transform().synthesize(surface.geopotential);
  const double sea = std::log(kSeaRoughness), land = std::log(kLandRoughness);
  log_roughness_ = sea + (land - sea) * surface.land.to(ground_.options());
  hydrostatic_ = columns_.levels.hydrostatic_matrix(columns_.planet).to(ground_.options());
  std::iota(order_.begin(), order_.end(), 0);
  std::sort(order_.begin(), order_.end(), [&](int64_t a, int64_t b) {
    return levels_hpa_[static_cast<size_t>(a)] < levels_hpa_[static_cast<size_t>(b)];
  });
}

LevelFields PressureLevels::from_layers(const GridFields& g) const {
  const auto& p = columns_.planet;
  const double r = p.gas_constant, exponent = r * kLapse / p.gravity;
  const auto temperature = g.temperature + p.reference_temperature;
  const bool moist = g.humidity.defined();
  const auto humidity = moist ? g.humidity.clamp_min(0) : at::zeros_like(temperature);
  const auto virtual_t = moist ? temperature * (1 + p.virtual_factor() * humidity) : temperature;
  const auto z = ground_ + at::matmul(hydrostatic_, virtual_t.flatten(2)).view_as(virtual_t);
  const auto cos_lat = columns_.cos2.sqrt();
  const auto u = g.u_cos / cos_lat, v = g.v_cos / cos_lat;
  const auto log_sigma = columns_.sigma.log().flatten();
  LevelFields out;
  std::vector<Tensor> zs, ts, us, vs, qs;
  for (const double hpa : levels_hpa_) {
    const auto x = std::log(hpa * kPascalPerHectopascal / p.base_pressure) - g.pi;  // ln(p / ps)
    const Place at_place = place_in(log_sigma, x);
    const auto w = at_place.share.clamp(0, 1);
    const auto spacing = log_sigma.index({at_place.index + 1}) - log_sigma.index({at_place.index});
    const auto bend = pick(virtual_t, at_place.index, 1) - pick(virtual_t, at_place.index, 0);
    auto height = linear(z, at_place) + r / 2 * bend * spacing * w * (1 - w);
    const auto above = log_sigma[0] - x;                    // > 0 over the uppermost layer
    const auto below = x - log_sigma[log_sigma.numel() - 1];  // > 0 under the lowest
    const auto growth = (exponent * below.clamp_min(0)).exp();
    height = height + r * layer(virtual_t, 0) * above.clamp_min(0) -
             p.gravity / kLapse * layer(virtual_t, -1) * (growth - 1);
    zs.push_back(height);
    ts.push_back(linear(temperature, at_place) * growth);
    us.push_back(linear(u, at_place));
    vs.push_back(linear(v, at_place));
    qs.push_back(linear(humidity, at_place));
  }
  out.z = at::stack(zs, 1), out.t = at::stack(ts, 1), out.u = at::stack(us, 1), out.v = at::stack(vs, 1);
  out.q = at::stack(qs, 1);
  const auto lowest = layer(z, -1), warm = layer(virtual_t, -1);
  const auto pressure = g.pi.exp() * (p.base_pressure * columns_.levels.full.back());
  out.msl = pressure * (1 + kLapse / p.gravity * lowest / warm).pow(1 / exponent);
  const auto height = (lowest - ground_) / p.gravity;
  out.t2m = layer(temperature, -1) + kLapse * (height - 2);
  const auto profile = (std::log(10.0) - log_roughness_) / (height.log() - log_roughness_);
  out.u10 = layer(u, -1) * profile, out.v10 = layer(v, -1) * profile;
  return out;
}

LevelFields PressureLevels::sorted_by_pressure(const LevelFields& fields) const {
  if (order_.size() < 2)
    throw DataError("BadLevels", "dynamics.levels",
                    {.what = "a state on pressure levels",
                     .expected = "at least two levels",
                     .found = fmt::format("{}", order_.size())});
  const auto order = torch::tensor(order_, torch::kInt64).to(fields.t.device());
  const auto sort = [&](const Tensor& x) { return x.defined() ? x.index_select(1, order) : x; };
  LevelFields out;
  out.z = sort(fields.z), out.t = sort(fields.t), out.u = sort(fields.u), out.v = sort(fields.v);
  out.q = sort(fields.q);
  return out;
}

/// ln(ps / p0) where z equals the surface geopotential.
Tensor PressureLevels::surface_pressure(const LevelFields& f) const {
  const auto& p = columns_.planet;
  std::vector<double> logs;
  for (const int64_t i : order_)
    logs.push_back(std::log(levels_hpa_[static_cast<size_t>(i)] * kPascalPerHectopascal / p.base_pressure));
  const double exponent = p.gas_constant * kLapse / p.gravity;
  // Below the lowest level by lapse; elsewhere the lowest interval whose upper end is above the ground.
  const auto over = (layer(f.z, -1) - ground_).clamp_min(0);
  auto result = logs.back() + (1 + kLapse / p.gravity * over / layer(f.t, -1)).log() / exponent;
  for (int64_t k = f.z.size(1) - 2; k >= 0; --k) {
    const auto upper = layer(f.z, k), lower = layer(f.z, k + 1);
    const auto share = (ground_ - lower) / (upper - lower);
    const auto inside = (lower <= ground_) & (ground_ < upper);
    const auto i = static_cast<size_t>(k);
    result = at::where(inside, logs[i + 1] + share * (logs[i] - logs[i + 1]), result);
  }
  return result;
}

PrimitiveState PressureLevels::to_layers(const LevelFields& fields, bool moist) const {
  const auto& t = equations_.transform();
  const auto& p = columns_.planet;
  const LevelFields f = sorted_by_pressure(fields);
  std::vector<double> logs;
  for (const int64_t i : order_)
    logs.push_back(std::log(levels_hpa_[static_cast<size_t>(i)] * kPascalPerHectopascal / p.base_pressure));
  const auto nodes = torch::tensor(logs, torch::kFloat64).to(f.t.options());
  const auto pi = surface_pressure(f);
  const double exponent = p.gas_constant * kLapse / p.gravity;
  std::vector<Tensor> u, v, temperature, humidity;
  for (const double s : columns_.levels.full) {
    const auto x = pi + std::log(s);
    const Place at_place = place_in(nodes, x);
    const auto below = (x - logs.back()).clamp_min(0);
    u.push_back(linear(f.u, at_place));
    v.push_back(linear(f.v, at_place));
    temperature.push_back(linear(f.t, at_place) * (exponent * below).exp());
    if (!moist) continue;
    const auto wet = x > std::log(kDryAbove * kPascalPerHectopascal / p.base_pressure);
    humidity.push_back(at::where(wet, linear(f.q, at_place).clamp_min(0), at::zeros_like(x)));
  }
  const auto cos_lat = columns_.cos2.sqrt();
  const auto [vorticity, divergence] = t.vorticity_divergence_from_wind(
      t.analyze(at::stack(u, 1) / cos_lat), t.analyze(at::stack(v, 1) / cos_lat), p.radius);
  const auto spectrum = [&](const Tensor& x) { return t.truncate(t.analyze(x)); };
  std::vector<Tensor> parts{vorticity, divergence, spectrum(at::stack(temperature, 1) - p.reference_temperature)};
  if (moist) parts.push_back(spectrum(at::stack(humidity, 1)));
  return {at::stack(parts, 2), spectrum(pi)};
}

}  // namespace pear::forecast
