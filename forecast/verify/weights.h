// Area weights of cells: four rules, because published scores use four.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sphere/grid/grid.h"

namespace pear::forecast {

/// Equal:    1 everywhere (HEALPix).
/// AreaWb2:  bounds half-way between latitudes, closed at the poles; sin(upper) - sin(lower) (WeatherBench 2).
/// AreaWbx:  the same, outer bounds half a step out, clipped to the poles (WeatherBench-X).
/// CosLat:   cos(lat): zero at the poles (PEAR's lat-lon twin, ECMWF, Earth2Studio).
enum class AreaWeights { Equal, AreaWb2, AreaWbx, CosLat };

std::string to_string(AreaWeights kind);
/// Name, or `auto`: equal on HEALPix, area_wb2 elsewhere. Errors: ConfigError `UnknownWeights`.
AreaWeights area_weights_from(std::string_view name, const sphere::Grid& grid);

/// Weight of each row, mean 1. The order of the rows does not matter: each latitude gets the same bits.
/// Shapes:  lat_deg [N] distinct, any order -> [N].
/// Errors:  ShapeError if N < 2 for the area rules.
std::vector<double> row_weights(std::span<const double> lat_deg, AreaWeights kind);

/// Weight of each cell, mean 1 over the grid; on reduced grids the row's weight is shared by its cells.
/// Shapes:  -> [num_cells]. Errors: ConfigError `UnknownWeights` for row rules on HEALPix (CosLat uses the centre).
std::vector<double> cell_weights(const sphere::Grid& grid, AreaWeights kind);

}  // namespace pear::forecast
