// Physical constants: one place, each with unit and source.
#pragma once

#include <numbers>

namespace pear {

/// WMO Manual on Codes (GRIB2 code table 3.2, value 6): spherical Earth used by ECMWF and NCEP.
inline constexpr double kEarthRadiusMetres = 6371229.0;
/// CGPM 1901 standard gravity; converts geopotential height (gpm) to geopotential (m2 s-2).
inline constexpr double kStandardGravityMetresPerSecond2 = 9.80665;
/// BIPM: 0 degC in kelvin.
inline constexpr double kZeroCelsiusKelvin = 273.15;

inline constexpr double kPi = std::numbers::pi;
inline constexpr double kRadPerDeg = std::numbers::pi / 180.0;
inline constexpr double kDegPerRad = 180.0 / std::numbers::pi;

}  // namespace pear
