// Mean and annual waves by least squares: a seasonal cycle that a year or two of data determine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace pear::forecast {

/// Part of the calendar year that has passed, in [0, 1): leap years are stretched, so that years close on themselves.
double year_fraction(Time t);

/// 1, cos 2 pi f, sin 2 pi f, cos 4 pi f, … at f = year_fraction(t).
/// Shapes: -> [2 num_harmonics + 1].
std::vector<double> annual_basis(Time t, int64_t num_harmonics);

/// Why samples at these times do not determine the waves; empty if they do.
/// Rule: at least ten samples per coefficient, and no part of the year longer than 30 days without one in any year.
std::string harmonics_obstacle(const std::vector<Time>& times, int64_t num_harmonics);

/// Rows of the pseudo-inverse: coefficient k of the fit to samples x is sum_i w[k][i] x_i.
///
/// Shapes:  -> [2 num_harmonics + 1][times].
/// Errors:  DataError `TooFewSamples` if the times do not determine the coefficients.
std::vector<std::vector<double>> least_squares_weights(const std::vector<Time>& times, int64_t num_harmonics);

}  // namespace pear::forecast
