// The fused loops of the primitive equations, from and to tensors.
#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>

#include "base/error.h"
#include "forecast/dynamics/grid_kernel.h"
#include "forecast/dynamics/primitive_equations.h"
#include "forecast/dynamics/spectral_kernel.h"

namespace pear::forecast {
namespace {

template <class T>
const T* data(const torch::Tensor& t) {
  return t.defined() ? t.const_data_ptr<T>() : nullptr;
}

template <class T>
StencilView<T> view(const sphere::SpectralStencil& s) {
  return {data<T>(s.phase), data<T>(s.up), data<T>(s.down)};
}

PrimitiveState contiguous(const PrimitiveState& s) { return {s.upper.contiguous(), s.log_pressure.contiguous()}; }

}  // namespace

torch::Tensor PrimitiveEquations::prepare_fused(const PrimitiveState& given) const {
  const PrimitiveState state = contiguous(given);
  const int64_t orders = transform_->num_orders(), degrees = transform_->num_degrees();
  const int64_t members = state.num_members(), layers = state.num_layers(), fields = state.num_fields();
  PEAR_ASSERT(state.upper.size(0) == orders && state.upper.size(5) == degrees);
  const int64_t number = (fields + 2) * members * layers + 3 * members;
  const auto out = at::empty({orders, 2, number, degrees}, state.upper.options());
  const auto& tables = transform_->degree_tables();
  AT_DISPATCH_FLOATING_TYPES(out.scalar_type(), "prepare_fields", [&] {
    using T = scalar_t;
    prepare_fields(FieldsView<T>{orders, fields, members, layers, degrees, data<T>(state.upper),
                                 data<T>(state.log_pressure), out.data_ptr<T>(), view<T>(tables.wind),
                                 view<T>(tables.gradient), static_cast<T>(planet_.radius)});
  });
  return out;
}

torch::Tensor PrimitiveEquations::products_fused(const GridFields& g, const torch::Tensor& physics) const {
  const int64_t members = g.temperature.size(0), layers = sigma_.num_layers();
  const int64_t rows = 2 * g.temperature.size(3), columns = g.temperature.size(4), field = members * layers;
  const bool moist = g.humidity.defined();
  PEAR_ASSERT(g.temperature.size(1) == layers && cos2_rows_.numel() == rows);
  const auto out = at::empty({(moist ? 9 : 6) * field + members, 2, rows / 2, columns}, g.all.options());
  const auto forces = physics.defined() ? physics.contiguous() : physics;
  if (forces.defined()) PEAR_ASSERT(forces.numel() == (moist ? 4 : 3) * field * rows * columns);
  const std::array<torch::Tensor, 8> in{g.vorticity.contiguous(),   g.divergence.contiguous(),
                                        g.temperature.contiguous(), moist ? g.humidity.contiguous() : g.humidity,
                                        g.u_cos.contiguous(),       g.v_cos.contiguous(),
                                        g.px.contiguous(),          g.py.contiguous()};
  AT_DISPATCH_FLOATING_TYPES(out.scalar_type(), "form_products", [&] {
    using T = scalar_t;
    ProductsView<T> v{};
    v.members = members, v.layers = layers, v.rows = rows, v.columns = columns;
    v.vorticity = data<T>(in[0]), v.divergence = data<T>(in[1]), v.temperature = data<T>(in[2]);
    v.humidity = data<T>(in[3]), v.u = data<T>(in[4]), v.v = data<T>(in[5]), v.px = data<T>(in[6]);
    v.py = data<T>(in[7]);
    const int64_t size = field * rows * columns;
    if (const T* f = data<T>(forces)) {
      v.force_u = f, v.force_v = f + size, v.heating = f + 2 * size;
      if (moist) v.moistening = f + 3 * size;
    }
    T* next = out.data_ptr<T>();
    const auto take = [&] { return std::exchange(next, next + size); };
    v.au = take(), v.av = take(), v.ut = take(), v.vt = take();
    if (moist) v.uq = take(), v.vq = take();
    v.energy = take(), v.source_t = take();
    if (moist) v.source_q = take();
    v.pressure = next;
    v.cos2 = data<T>(cos2_rows_), v.coriolis = data<T>(coriolis_), v.upper_half = data<T>(upper_half_);
    v.thickness = data<T>(thickness_), v.log_ratio = data<T>(log_ratio_), v.alpha = data<T>(alpha_);
    v.gas_constant = static_cast<T>(planet_.gas_constant), v.kappa = static_cast<T>(planet_.kappa());
    v.virtual_factor = static_cast<T>(planet_.virtual_factor());
    v.reference = static_cast<T>(planet_.reference_temperature);
    form_products(v);
  });
  return out;
}

PrimitiveState PrimitiveEquations::finish_fused(const PrimitiveState& given, const torch::Tensor& products) const {
  const PrimitiveState state = contiguous(given);
  const auto spectral = products.contiguous();
  PrimitiveState out{at::empty(state.upper.sizes(), state.upper.options()),
                     at::empty(state.log_pressure.sizes(), state.log_pressure.options())};
  const auto& tables = transform_->degree_tables();
  const int64_t members = state.num_members(), layers = state.num_layers(), degrees = transform_->num_degrees();
  AT_DISPATCH_FLOATING_TYPES(spectral.scalar_type(), "finish_tendencies", [&] {
    using T = scalar_t;
    TendencyView<T> v{};
    v.orders = transform_->num_orders(), v.fields = state.num_fields(), v.members = members, v.layers = layers;
    v.degrees = degrees, v.state_stride = v.fields * members * layers * degrees;
    v.products = data<T>(spectral), v.log_pressure = data<T>(state.log_pressure);
    v.temperature = data<T>(state.upper) + kTemperature * members * layers * degrees;
    v.surface = data<T>(surface_geopotential_);
    v.upper = out.upper.data_ptr<T>(), v.pressure = out.log_pressure.data_ptr<T>();
    v.divergence = view<T>(tables.divergence), v.laplacian = data<T>(tables.eigenvalue);
    v.log_ratio = data<T>(log_ratio_), v.alpha = data<T>(alpha_);
    v.radius = static_cast<T>(planet_.radius), v.gas_constant = static_cast<T>(planet_.gas_constant);
    v.reference = static_cast<T>(planet_.reference_temperature);
    finish_tendencies(v);
  });
  return out;
}

}  // namespace pear::forecast
