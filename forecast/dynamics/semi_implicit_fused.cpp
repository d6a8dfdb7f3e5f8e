// The fused loops of the leapfrog, from and to tensors.
#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>

#include "base/error.h"
#include "forecast/dynamics/semi_implicit.h"
#include "forecast/dynamics/spectral_kernel.h"

namespace pear::forecast {
namespace {

PrimitiveState contiguous(const PrimitiveState& s) { return {s.upper.contiguous(), s.log_pressure.contiguous()}; }

}  // namespace

PrimitiveState SemiImplicitLeapfrog::advance_fused(const PrimitiveState& previous, const PrimitiveState& now,
                                                   const PrimitiveState& tendency, double tau) const {
  const PrimitiveState p = contiguous(previous), n = contiguous(now), d = contiguous(tendency);
  PEAR_ASSERT(p.upper.sizes() == n.upper.sizes() && d.upper.sizes() == n.upper.sizes());
  PEAR_ASSERT(n.upper.size(0) == laplacian_.size(0) && n.num_layers() == thickness_.numel());
  PrimitiveState next{at::empty(n.upper.sizes(), n.upper.options()),
                      at::empty(n.log_pressure.sizes(), n.log_pressure.options())};
  AT_DISPATCH_FLOATING_TYPES(n.upper.scalar_type(), "advance_leapfrog", [&] {
    using T = scalar_t;
    const auto data = [](const torch::Tensor& t) { return t.const_data_ptr<T>(); };
    LeapfrogView<T> v{};
    v.orders = n.upper.size(0), v.fields = n.num_fields(), v.members = n.num_members(), v.layers = n.num_layers();
    v.degrees = n.upper.size(5);
    v.previous = data(p.upper), v.now = data(n.upper), v.tendency = data(d.upper);
    v.previous_pi = data(p.log_pressure), v.now_pi = data(n.log_pressure), v.tendency_pi = data(d.log_pressure);
    v.next = next.upper.data_ptr<T>(), v.next_pi = next.log_pressure.data_ptr<T>();
    v.laplacian = data(laplacian_), v.diffusion = data(diffusion_);
    v.vectors = data(vectors_), v.inverse = data(inverse_), v.speeds2 = data(speeds2_);
    v.pressure_slope = data(pressure_slope_), v.thickness = data(thickness_);
    v.hydrostatic_own = data(sums_), v.hydrostatic_below = v.hydrostatic_own + v.layers;
    v.heating_own = v.hydrostatic_below + v.layers, v.heating_above = v.heating_own + v.layers;
    v.gas_reference = static_cast<T>(gas_reference_);
    v.implicit_weight = static_cast<T>(options_.implicit_weight), v.tau = static_cast<T>(tau);
    advance_leapfrog(v);
  });
  return next;
}

void SemiImplicitLeapfrog::filter_fused(const torch::Tensor& previous, torch::Tensor& now, torch::Tensor& next) const {
  const auto p = previous.contiguous(), n = now.contiguous(), x = next.contiguous();
  PEAR_ASSERT(p.numel() == n.numel() && x.numel() == n.numel());
  now = at::empty(n.sizes(), n.options());  // others may hold the old time level
  next = at::empty(x.sizes(), x.options());
  AT_DISPATCH_FLOATING_TYPES(n.scalar_type(), "filter_levels", [&] {
    using T = scalar_t;
    filter_levels(FilterView<T>{p.const_data_ptr<T>(), n.const_data_ptr<T>(), x.const_data_ptr<T>(), now.data_ptr<T>(),
                                next.data_ptr<T>(), n.numel(), static_cast<T>(options_.filter / 2),
                                static_cast<T>(options_.filter_balance)});
  });
}

}  // namespace pear::forecast
