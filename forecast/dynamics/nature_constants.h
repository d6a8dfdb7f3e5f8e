// Numbers of the nature run's physics that no option changes.
#pragma once

#include <cmath>
#include <numbers>

namespace pear::forecast::nature {

constexpr double kDay = 86400, kHour = 3600, kYearDays = 365.25;
constexpr double kStratosphere = 200;      ///< K
constexpr double kTopDragDays = 15;        ///< sponge on the uppermost layer
constexpr double kMinWind2 = 9;            ///< m2 s-2, gustiness in evaporation
constexpr double kScaleHeight = 8000;      ///< m, of the mixing heights
constexpr double kMixing = 20;             ///< m2 s-1
constexpr double kFillHours = 2;           ///< negative vapour is filled in this time
constexpr double kMinPressureShare = 0.5;  ///< vapour pressure at saturation is at most this share of p

/// Seasonal cycle of the equilibrium temperature over sea and over land, K, and the day of its extremes; the moving
/// maximum of surface temperature, degrees.
constexpr double kSeaSeason = 10, kSeaLag = 25, kLandSeason = 22, kLandLag = 18, kCentreShift = -6, kCentreLag = 45;
constexpr double kLandDrying = 0.6;  ///< share that land takes off evaporation
constexpr double kEquatorKelvin = 293, kStaticKelvin = 10;

inline double season(double days, double lag_days) {
  return std::cos(2 * std::numbers::pi * (days - lag_days) / kYearDays);
}

/// Temperature of the ground for evaporation, K; `centre_deg`: latitude of its maximum.
inline double surface_kelvin(double lat_deg, double centre_deg) {
  const double distance = (lat_deg - centre_deg) / 26;
  return 271 + 29 * std::exp(-distance * distance / 2);
}

}  // namespace pear::forecast::nature
