// What the fused loops over the grid read and write.
#pragma once

#include <cstdint>

namespace pear::forecast {

/// Shapes:  3-d fields [B, K, R, L] with R = 2 H rows, surface fields [B, R, L]; cos2, coriolis [R]; the rest [K].
template <class T>
struct ProductsView {
  int64_t members, layers, rows, columns;
  const T *vorticity, *divergence, *temperature, *humidity;  ///< humidity: null in a dry state
  const T *u, *v, *px, *py;
  const T *force_u, *force_v, *heating, *moistening;  ///< physics, null: none
  T *au, *av, *ut, *vt, *uq, *vq, *energy, *source_t, *source_q, *pressure;
  const T *cos2, *coriolis;
  const T *upper_half, *thickness, *log_ratio, *alpha;  ///< upper_half: sigma at the top of the layer
  T gas_constant, virtual_factor, kappa, reference;
};

/// Factors of a layer.
template <class T>
struct PhysicsLayer {
  T log_sigma, power, sigma;        ///< power: sigma^kappa
  T drag_sea, drag_land;            ///< s-1
  T land_season;                    ///< share of the seasonal cycle over land that reaches the layer
  T critical;                       ///< relative humidity at which it rains
  T mix_upper, mix_own, mix_lower;  ///< s-1: exchange of vapour with the neighbours
};

/// Factors of a latitude.
template <class T>
struct PhysicsRow {
  T flat;         ///< equilibrium temperature at the base pressure over sea, K
  T land_season;  ///< K, taken off over land
  T stability;    ///< K per ln(p)
  T inverse_cos2;
  T ground_vapour;  ///< saturated vapour pressure at the ground, Pa
};

/// Shapes:  3-d fields [B, K, R, L] with R = 2 H rows, surface fields [B, R, L]; land [R, L], null: sea only;
///          cooling [K, R]; layer [K], row [R].
template <class T>
struct PhysicsView {
  int64_t members, layers, rows, columns;
  const T *temperature, *humidity, *u, *v, *pi, *land;
  T *force_u, *force_v, *heating, *moistening;
  const T* cooling;
  const PhysicsLayer<T>* layer;
  const PhysicsRow<T>* row;
  T kappa, reference, base_pressure, coldest;
};

/// Constants of the water cycle.
template <class T>
struct WaterConstants {
  T latent, heating;               ///< Lv^2 / (cp Rv), Lv / cp
  T condensation_time, fill_time;  ///< s
  T exchange, land_exchange;       ///< of evaporation over sea; what land takes off, over layer depth per kelvin
  T min_wind2, max_vapour_share;
};

}  // namespace pear::forecast
