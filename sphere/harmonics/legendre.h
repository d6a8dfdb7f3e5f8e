// Rows of the transform and associated Legendre functions on them: what the tables are made of.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sphere/grid/grid.h"

namespace pear::sphere {

/// A latitude. Extended precision, because weights of Gaussian rows near a pole lose num_rows^2 / 6 times the rounding
/// error of mu, and Legendre functions as much of that of the latitude.
struct TransformRow {
  long double mu = 0, cos_lat = 1;
  double weight = 0;  ///< of the global mean
};

/// Rows of both hemispheres, each from its pole to the equator, weights summing to 1. An odd number of rows has its
/// equator in both, with half the weight each.
///
/// Shapes:  [2 ceil(num_rows / 2)], north first.
/// Errors:  ConfigError `UnknownGrid` for Inner and Regional rows and North with an odd number.
std::vector<TransformRow> transform_rows(RowKind kind, int64_t num_rows);

/// P_lm at one latitude, order by order, normalised by 1/2 int P^2 dmu = 1, positive at the north pole side.
///
/// Source:  three-term recurrence in the degree from P_mm, which is kept with an exponent of its own: at 85 degrees
///          P_mm leaves the range of float64 from m = 290 on, while its successors in l come back into it.
class LegendreRow {
 public:
  LegendreRow(long double mu, long double cos_lat) : mu_(mu), cos_lat_(cos_lat) {}

  /// Writes the degrees m, m+1, ... of order m = 0 on the first call, 1 on the second, and so on.
  void next_order(std::span<double> values);

 private:
  long double mu_, cos_lat_;
  int64_t order_ = 0;
  long double sectoral_ = 1;  ///< P_mm = sectoral * 2^exponent
  int exponent_ = 0;
};

/// sqrt((l^2 - m^2) / (4 l^2 - 1)): mu P_l = eps_l P_{l-1} + eps_{l+1} P_{l+1}. 0 for l <= m.
double legendre_epsilon(int64_t order, int64_t degree);

}  // namespace pear::sphere
