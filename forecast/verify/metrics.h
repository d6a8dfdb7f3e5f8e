// All metrics in one table: what each needs per initial time, and what is done with the means.
//
// A metric is a few per-time terms g_k(t), made from the sums of one initial time, and a function of their plain means
// over time. So the order of root, ratio and mean over time, on which published scores differ, is visible in the table.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "forecast/verify/sums.h"

namespace pear::forecast {

inline constexpr size_t kMaxTerms = 5;
using Terms = std::array<double, kMaxTerms>;

enum class UnitRule { Same, Squared, One };
/// What a metric needs beside the model's own sums: nothing, those of the reference, or those of the other component.
enum class Second { None, Reference, OtherComponent };

struct Metric {
  std::string name;
  std::string formula;  ///< one line for --help and the definition record
  UnitRule unit = UnitRule::Same;
  bool needs_climatology = false;
  Second second = Second::None;
  size_t num_terms = 1;
  /// Terms of one initial time.
  Terms (*terms)(const PairSums& own, const PairSums& second) = nullptr;
  /// From the means of the terms to the value; NaN where a denominator is 0.
  double (*finish)(const Terms& means) = nullptr;
  std::string root = "none";  ///< none | last | first
  bool centred = false;
  std::string time_reduction = "mean";  ///< mean | mean_of_ratios | ratio_of_means
};

const std::vector<Metric>& all_metrics();

/// Errors: ConfigError `UnknownMetric` with the known names; for `acc` the four that it could mean.
const Metric& find_metric(const std::string& name);

/// Unit of the metric's value from the variable's unit: `K`, `K2`, `(m s-1)2`, `1`.
std::string metric_unit(const Metric& metric, const std::string& field_units);

/// Value over initial times. Times whose sums are missing must have been left out before.
/// Shapes:  own, second [T] (second may be empty when the metric does not need it). T = 0 gives NaN.
double evaluate(const Metric& metric, std::span<const PairSums> own, std::span<const PairSums> second = {});

/// Terms of every initial time, for resampling. Shapes: -> [T].
std::vector<Terms> metric_terms(const Metric& metric, std::span<const PairSums> own, std::span<const PairSums> second);
/// Value from terms, averaged over a fixed tree.
double value_of_terms(const Metric& metric, std::span<const Terms> terms);

}  // namespace pear::forecast
