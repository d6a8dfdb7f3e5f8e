// Count, mean, M2, minimum and maximum that merge exactly the same way whatever the order of building.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace pear::io {

/// Moments of a weighted sample; NaN never enters.
struct Moments {
  double weight = 0;  ///< sum of weights (the count, where all weights are 1)
  double mean = 0;
  double m2 = 0;  ///< sum of w (x - mean)^2
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  bool operator==(const Moments&) const = default;
  /// Population standard deviation; NaN for an empty sample.
  double stddev() const;
};

/// Two passes and a correction of the mean, float64, in the order of the cells; NaN values are left out.
///
/// Shapes:  values [cells]; weights [cells], or empty for equal weights of 1.
/// Units:   mean, min, max as the values; m2 squared.
/// Errors:  ShapeError if the lengths differ.
Moments moments_of(std::span<const float> values, std::span<const double> weights);
/// The same of b - a, each difference in float64. Shapes: a, b [cells].
Moments moments_of_difference(std::span<const float> a, std::span<const float> b, std::span<const double> weights);

/// Source: Chan, Golub and LeVeque 1983, eq. (2.1).
Moments merge(const Moments& a, const Moments& b);
/// Merges over the binary tree that halves the list; the result depends on the list alone.
Moments merge_tree(std::span<const Moments> moments);

}  // namespace pear::io
