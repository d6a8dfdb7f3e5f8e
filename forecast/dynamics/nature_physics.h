// The simplest moist physics that gives seasons, storms and rain: the nature run's.
#pragma once

#include "forecast/dynamics/grid_columns.h"
#include "forecast/dynamics/grid_path.h"
#include "forecast/dynamics/physics.h"
#include "forecast/dynamics/physics_fused.h"

namespace pear::forecast {

/// What may be changed to make another, imperfect model of the same world.
struct NaturePhysicsOptions {
  double equator_pole_contrast = 42;  ///< K, of the equilibrium temperature
  double drag_days_sea = 1.5;         ///< e-folding time of wind at the ground
  double drag_days_land = 0.6;
  double cooling_days_free = 40;  ///< relaxation of temperature
  double cooling_days_surface = 4;
  double condensation_hours = 4;
  double exchange_coefficient = 0.0015;  ///< of evaporation

  /// Drag, condensation and relaxation off by 20 to 30 %.
  static NaturePhysicsOptions perturbed();
};

/// Relaxation to a seasonal equilibrium, drag by land and sea, evaporation, large-scale condensation, mixing of vapour.
///
/// Source:  Held and Suarez 1994 for the frame; shape of the surface temperature after Thatcher and Jablonowski 2016
///          (Geosci. Model Dev. 9); saturation by Tetens' formula. No diurnal cycle, clouds or radiation.
class NaturePhysics : public Physics {
 public:
  /// `land` [2, H, L], fraction 0…1.
  NaturePhysics(GridColumns columns, torch::Tensor land, const NaturePhysicsOptions& options,
                GridPath path = GridPath::Automatic);
  torch::Tensor tendencies(const GridFields& fields, double days) const override;

  /// Rain and evaporation of the fields, kg m-2 s-1: [B, 2, H, L] each.
  struct WaterFluxes {
    torch::Tensor precipitation, evaporation;
  };
  WaterFluxes water_fluxes(const GridFields& fields, double days) const;

 private:
  torch::Tensor tendencies_tensor(const GridFields& fields, double days) const;
  torch::Tensor tendencies_fused(const GridFields& fields, double days) const;
  PhysicsTables tables() const;
  torch::Tensor equilibrium(const torch::Tensor& log_p, double days) const;
  torch::Tensor saturation(const torch::Tensor& temperature, const torch::Tensor& pressure) const;
  torch::Tensor condensation(const torch::Tensor& temperature, const torch::Tensor& pressure,
                             const torch::Tensor& humidity) const;
  torch::Tensor evaporation(const GridFields& fields, const torch::Tensor& temperature, const torch::Tensor& pressure,
                            const torch::Tensor& humidity, double days) const;
  torch::Tensor mixing_matrix() const;

  GridColumns columns_;
  torch::Tensor land_;
  NaturePhysicsOptions options_;
  GridPath path_;
  torch::Tensor cooling_;      ///< [K, 2, H, 1]
  torch::Tensor drag_;         ///< [K, 2, H, L]
  torch::Tensor mixing_;       ///< [K, K], s-1
  torch::Tensor near_ground_;  ///< max(0, (s - 0.5) / 0.5): [K, 1, 1, 1]
  torch::Tensor critical_;     ///< relative humidity at which it rains: [K, 1, 1, 1]
  PhysicsTables tables_;       ///< of the loops; what depends on the season is filled in per call
};

}  // namespace pear::forecast
