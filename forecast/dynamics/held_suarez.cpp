#include "forecast/dynamics/held_suarez.h"

#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

namespace pear::forecast {
namespace {

constexpr double kDay = 86400;
constexpr double kCoolingFree = 1 / (40 * kDay), kCoolingSurface = 1 / (4 * kDay), kDrag = 1 / kDay;
constexpr double kBoundaryLayer = 0.7;                                                 ///< sigma_b
constexpr double kEquator = 315, kMeridional = 60, kStatic = 10, kStratosphere = 200;  ///< K

torch::Tensor boundary_layer(const torch::Tensor& sigma) {
  return ((sigma - kBoundaryLayer) / (1 - kBoundaryLayer)).clamp_min(0);
}

}  // namespace

HeldSuarezPhysics::HeldSuarezPhysics(GridColumns columns, GridPath path)
    : columns_(std::move(columns)), path_(path), tables_(columns_) {
  const auto near_ground = boundary_layer(columns_.sigma);
  cooling_ = kCoolingFree + (kCoolingSurface - kCoolingFree) * near_ground * columns_.cos2.square();
  drag_ = kDrag * near_ground;
  tables_.cooling = cooling_.expand({-1, 2, -1, 1}).contiguous();
  tables_.coldest = kStratosphere;
  for (auto& layer : tables_.layers)
    layer.drag_sea = kDrag * std::max(0.0, (layer.sigma - kBoundaryLayer) / (1 - kBoundaryLayer));
  for (auto& row : tables_.rows) {
    row.flat = kEquator - kMeridional * (1 - 1 / row.inverse_cos2);
    row.stability = kStatic / row.inverse_cos2;
  }
}

torch::Tensor HeldSuarezPhysics::tendencies(const GridFields& g, double) const {
  return takes_loops(path_, g.temperature.size(1), {g.all, g.temperature}) ? physics_fused(tables_, g)
                                                                           : tendencies_tensor(g);
}

torch::Tensor HeldSuarezPhysics::tendencies_tensor(const GridFields& g) const {
  const auto& c = columns_;
  const auto log_p = g.pi.unsqueeze(1) + c.sigma.log();  // ln(p / p0)
  const auto sin2 = c.sin_lat.square();
  const auto equilibrium =
      ((kEquator - kMeridional * sin2 - kStatic * log_p * c.cos2) * (c.planet.kappa() * log_p).exp())
          .clamp_min(kStratosphere);
  const auto heating = -cooling_ * (g.temperature + c.planet.reference_temperature - equilibrium);
  std::vector<torch::Tensor> parts{-drag_ * g.u_cos, -drag_ * g.v_cos, heating};
  if (g.humidity.defined()) parts.push_back(at::zeros_like(g.humidity));
  return at::stack(parts, 0);
}

}  // namespace pear::forecast
