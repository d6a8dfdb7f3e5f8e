// How sure we are: paired t-test for serially correlated differences, and the stationary bootstrap.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pear::forecast {

/// Lag-1 autocorrelation about the mean; 0 for fewer than 3 values or constant series.
double lag1_autocorrelation(std::span<const double> series);

/// sqrt((1+r)/(1-r)), negative r taken as 0. r = 0.6 gives 2.
double inflation_factor(double lag1);

struct PairedTest {
  double mean = 0, standard_error = 0, t = 0, p_value = 1;
  double lag1 = 0;
  int64_t degrees_of_freedom = 0;
};
/// Two-sided test of mean zero; the standard error is inflated by the lag-1 autocorrelation.
/// NaN results for fewer than 2 values.
PairedTest paired_t(std::span<const double> differences);

/// P(|T| >= |t|) of Student's t. Source: incomplete beta function by Lentz's continued fraction.
double student_t_two_sided(double t, int64_t degrees_of_freedom);

/// Mean block length of the stationary bootstrap for an AR(1) series of lag-1 autocorrelation r.
/// Source:  Politis and White 2004 (with the 2009 correction), closed form for AR(1):
///          b = (2 r / (1 - r^2))^(2/3) n^(1/3), kept within [1, n/2].
double optimal_block_length(double lag1, int64_t n);

/// Resampled positions of the stationary bootstrap (Politis and Romano 1994): each step starts a new block with
/// probability 1/block, else goes on to the next position, wrapping around.
/// Shapes:  -> [samples][n]. The same (seed, n, block) gives the same indices for every model and variable.
std::vector<std::vector<int32_t>> stationary_bootstrap(int64_t n, int64_t samples, double block, uint64_t seed);

/// Quantile with linear interpolation; NaN values are left out.
double quantile(std::vector<double> values, double probability);

/// Benjamini-Hochberg adjusted p-values, in the order given.
std::vector<double> adjust_p_values(std::span<const double> p);

}  // namespace pear::forecast
