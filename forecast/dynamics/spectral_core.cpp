#include "forecast/dynamics/spectral_core.h"

#include <ATen/Dispatch.h>
#include <ATen/ops/exp.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "forecast/dynamics/grid_kernel.h"

namespace pear::forecast {
namespace {

constexpr double kSecondsPerDay = 86400, kSixHours = 21600;
constexpr double kMaxWind = 300, kMaxTemperatureDeviation = 200;
/// Adjustment of the mean surface pressure in one step, as a share of the error.
constexpr double kMassRelaxation = 0.1;

[[noreturn]] void unstable(int64_t step, const char* field, int64_t layer, double value, const char* bound) {
  throw DataError("Unstable", "dynamics.step",
                  {.what = fmt::format("the integration left its bounds in step {}", step),
                   .expected = fmt::format("{} {}", field, bound),
                   .found = fmt::format("{:.4g} in layer {} (1 is the top)", value, layer + 1),
                   .hint = "take a shorter time step (time_step) or stronger diffusion"});
}

/// Whether |x| < bound everywhere.
bool is_within(const torch::Tensor& x, GridPath path, double bound) {
  if (path == GridPath::Tensor || !x.is_cpu() || !x.is_contiguous()) return x.abs().max().item<double>() < bound;
  return AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "all_below", [&] {
    return all_below(x.const_data_ptr<scalar_t>(), x.numel(), static_cast<scalar_t>(bound));
  });
}

/// Extreme value of the first layer (dim 1) where |x| is not below `bound`; nothing if there is none.
void find(const torch::Tensor& x, double bound, int64_t step, const char* name, const char* text) {
  const auto extremes = x.abs().amax({0, 2, 3, 4}).to(torch::kCPU, torch::kFloat64);
  for (int64_t k = 0; k < extremes.numel(); ++k)
    if (const double value = extremes[k].item<double>(); !(value < bound)) unstable(step, name, k, value, text);
}

}  // namespace

double default_time_step(int64_t truncation) {
  switch (truncation) {
    case 21:
      return 2700;
    case 31:
      return 2160;
    case 42:
      return 1440;
    case 63:
      return 900;
    default:
      break;
  }
  const double longest = 60480.0 / static_cast<double>(truncation);  // the rule that the four values follow
  return kSixHours / std::ceil(kSixHours / longest);
}

std::shared_ptr<const sphere::SphericalHarmonicTransform> make_transform(const SpectralCoreOptions& options) {
  auto [rows, columns] = std::pair(options.num_rows, options.num_columns);
  if (rows == 0) std::tie(rows, columns) = sphere::quadratic_gaussian_grid(options.truncation);
  return std::make_shared<sphere::SphericalHarmonicTransform>(sphere::HarmonicsOptions{.truncation = options.truncation,
                                                                                       .num_rows = rows,
                                                                                       .num_columns = columns,
                                                                                       .dtype = options.dtype,
                                                                                       .device = options.device});
}

SpectralCore::SpectralCore(const SpectralCoreOptions& options,
                           std::shared_ptr<const sphere::SphericalHarmonicTransform> transform, SigmaCoordinate sigma,
                           const Planet& planet, torch::Tensor surface_geopotential,
                           std::shared_ptr<const Physics> physics)
    : options_(options),
      time_step_(options.time_step > 0 ? options.time_step : default_time_step(options.truncation)),
      transform_(std::move(transform)),
      physics_(std::move(physics)) {
  const auto tensor_options = torch::TensorOptions().dtype(options_.dtype).device(options_.device);
  leapfrog_ = std::make_unique<SemiImplicitLeapfrog>(sigma, planet, options_.truncation, tensor_options,
                                                     options_.leapfrog, options_.path);
  equations_ =
      std::make_unique<PrimitiveEquations>(transform_, std::move(sigma), planet, surface_geopotential, options_.path);
  row_weights_ =
      (transform_->row_weights() / static_cast<double>(transform_->options().num_columns)).to(options_.device);
}

torch::Tensor SpectralCore::mean_surface_pressure(const GridFields& fields) const {
  const auto pressure = at::exp(fields.pi.to(torch::kFloat64)) * equations_->planet().base_pressure;
  return (pressure * row_weights_).sum({1, 2, 3});
}

CoreState SpectralCore::begin(const PrimitiveState& start, double days) const {
  CoreState state{.previous = {}, .now = start, .physics = {}, .mass = {}, .start_days = days, .step = 0};
  state.mass = mean_surface_pressure(equations_->grid_fields(start)).detach();
  return state;
}

double SpectralCore::days(const CoreState& state) const {
  return state.start_days + static_cast<double>(state.step) * time_step_ / kSecondsPerDay;
}

void SpectralCore::check(const GridFields& fields, int64_t step) const {
  if (is_within(fields.all, options_.path, kMaxTemperatureDeviation)) return;
  find(fields.temperature, kMaxTemperatureDeviation, step, "temperature", "between 100 and 500 K");
  find(fields.u_cos, kMaxWind, step, "eastward wind", "below 300 m/s");
  find(fields.v_cos, kMaxWind, step, "northward wind", "below 300 m/s");
  find(fields.vorticity, 1, step, "vorticity", "below 1 s-1");
  find(fields.divergence, 1, step, "divergence", "below 1 s-1");
  if (fields.humidity.defined()) find(fields.humidity, 1, step, "specific humidity", "below 1 kg/kg");
  find(fields.pi.unsqueeze(1), 2, step, "logarithm of surface pressure", "below 2");
}

PrimitiveState SpectralCore::advance(CoreState& state, const PrimitiveState& previous, const PrimitiveState& now,
                                     double tau) const {
  const GridFields fields = equations_->grid_fields(now);
  check(fields, state.step);
  const auto tendency = equations_->tendencies(now, fields, state.physics);
  if (physics_) state.physics = physics_->tendencies(fields, days(state));
  PrimitiveState next = leapfrog_->advance(previous, now, tendency, tau);
  if (options_.fix_mass) {
    const auto error = kMassRelaxation * (state.mass / mean_surface_pressure(fields)).log();
    next.log_pressure.select(0, 0).select(0, 0).select(1, 0).add_(error.to(options_.dtype));
  }
  return next;
}

void SpectralCore::step(CoreState& state) const {
  if (!state.previous.upper.defined()) {
    const PrimitiveState start = state.now;
    const PrimitiveState middle = advance(state, start, start, time_step_ / 2);
    state.now = advance(state, start, middle, time_step_);
    state.previous = start;
  } else {
    PrimitiveState next = advance(state, state.previous, state.now, 2 * time_step_);
    leapfrog_->filter(state.previous, state.now, next);
    state.previous = state.now;
    state.now = next;
  }
  ++state.step;
}

void SpectralCore::run(CoreState& state, double seconds) const {
  const double steps = seconds / time_step_;
  if (std::abs(steps - std::round(steps)) > 1e-9)
    throw ConfigError("BadTimeStep", "dynamics.step",
                      {.what = fmt::format("{} s are to be integrated", seconds),
                       .expected = "a multiple of the time step",
                       .found = fmt::format("a time step of {} s", time_step_)});
  for (int64_t i = 0; i < std::llround(steps); ++i) step(state);
}

}  // namespace pear::forecast
