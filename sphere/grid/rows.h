// Latitude rows: where they lie for each kind, and which kind a list of latitudes is.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sphere/grid/grid.h"

namespace pear::sphere {

/// Gaussian latitudes in degrees, north first: the `num_rows` roots of the Legendre polynomial of that degree.
/// Shapes: [num_rows]. Source: Newton iteration on the three-term recurrence; exact to rounding.
std::vector<double> gaussian_latitudes_deg(int64_t num_rows);

/// Latitudes in degrees, north first, of a global kind (Poles, Half, North, Gaussian); [num_rows].
/// Errors: ConfigError `UnknownGrid` for kinds that their number of rows does not define (Inner, Regional).
std::vector<double> row_latitudes_deg(RowKind kind, int64_t num_rows);

/// Which kind the latitudes are: within 1e-3 deg of Gaussian nodes, else within 1e-5 deg of a uniform kind.
RowKind classify_rows(std::span<const double> lat_deg);

/// Cell bounds in colatitude [rads], num_rows + 1, midpoints closed at the poles (Half: exact multiples;
/// Regional: half a step beyond the first and last row, clipped to the poles).
std::vector<double> row_bounds_theta(RowKind kind, std::span<const double> lat_deg);

}  // namespace pear::sphere
