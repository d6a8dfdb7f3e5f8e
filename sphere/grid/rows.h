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

/// Quadrature weights of the Gaussian rows; [num_rows], sum 2.
std::vector<double> gaussian_weights(int64_t num_rows);

/// `count` values from first to last in equal steps.
std::vector<double> uniform_deg(double first, double last, int64_t count);

/// Longitudes around the globe; [count].
std::vector<double> column_longitudes_deg(int64_t count, double first);

/// Latitudes in degrees, north first, of a global kind; [num_rows]. Inner: one step off both poles.
/// Errors: ConfigError `UnknownGrid` for Regional.
std::vector<double> row_latitudes_deg(RowKind kind, int64_t num_rows);

/// Which kind the latitudes are: within 1e-5 deg of a uniform kind, else within 1e-3 deg of Gaussian nodes. Uniform
/// rows that leave at most one step to either pole are Inner, all others Regional.
RowKind classify_rows(std::span<const double> lat_deg);

/// Cell bounds in colatitude [rads], num_rows + 1, midpoints closed at the poles (Half: exact multiples;
/// Regional: half a step beyond the first and last row, clipped to the poles).
std::vector<double> row_bounds_theta(RowKind kind, std::span<const double> lat_deg);

}  // namespace pear::sphere
