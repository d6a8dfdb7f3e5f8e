// What a NetCDF dimension or scalar coordinate is: judged by standard name, units and known names.
#pragma once

#include <string>
#include <vector>

#include "io/netcdf_file.h"

namespace pear::io {

enum class Axis { Lat, Lon, Level, Time, InitTime, Lead, Member, Expver, Cell, Face, Other };

/// Axis of a coordinate variable (or of a dimension without one: `variable` null).
Axis axis_of(const NetcdfFile& file, const std::string& name, const NetcdfVariable* variable);

/// Pressures in hPa of a level coordinate.
///
/// Units:   hPa, millibars, mb, Pa; without units a known name means hPa if the largest value is <= 1100.
/// Errors:  DataError `MissingLevel` for model levels (1..K) and values that are no pressures.
std::vector<double> levels_hpa(const NetcdfFile& file, const NetcdfVariable& variable);

}  // namespace pear::io
