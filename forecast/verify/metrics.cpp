#include "forecast/verify/metrics.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double mean(const PairSums& s, Statistic k) { return s[k] / s[kWeight]; }
double ratio(double above, double below) { return below > 0 ? above / below : kNan; }
// A variance that rounding has made negative is zero.
double root_of_product(double x, double y) { return std::sqrt(std::max(x, 0.0) * std::max(y, 0.0)); }

Terms squared_error(const PairSums& s, const PairSums&) { return {mean(s, kE2)}; }
Terms root_of_squared_error(const PairSums& s, const PairSums&) { return {std::sqrt(mean(s, kE2))}; }
Terms absolute_error(const PairSums& s, const PairSums&) { return {mean(s, kAbsE)}; }
Terms mean_error(const PairSums& s, const PairSums&) { return {mean(s, kE)}; }
Terms forecast_anomaly(const PairSums& s, const PairSums&) { return {mean(s, kA2)}; }
Terms both_errors(const PairSums& s, const PairSums& r) { return {mean(s, kE2), mean(r, kE2)}; }
Terms vector_error(const PairSums& u, const PairSums& v) { return {mean(u, kE2) + mean(v, kE2)}; }

Terms correlation(const PairSums& s, const PairSums&) {
  return {ratio(mean(s, kAB), root_of_product(mean(s, kA2), mean(s, kB2)))};
}
Terms centred_correlation(const PairSums& s, const PairSums&) {
  const double a = mean(s, kA), b = mean(s, kB);
  return {ratio(mean(s, kAB) - a * b, root_of_product(mean(s, kA2) - a * a, mean(s, kB2) - b * b))};
}
Terms products(const PairSums& s, const PairSums&) {
  return {mean(s, kAB), mean(s, kA2), mean(s, kB2), mean(s, kA), mean(s, kB)};
}

double same(const Terms& m) { return m[0]; }
double root(const Terms& m) { return std::sqrt(m[0]); }
double pooled(const Terms& m) { return ratio(m[0], root_of_product(m[1], m[2])); }
double pooled_centred(const Terms& m) {
  return ratio(m[0] - m[3] * m[4], root_of_product(m[1] - m[3] * m[3], m[2] - m[4] * m[4]));
}
double mse_skill(const Terms& m) { return 1 - ratio(m[0], m[1]); }
double rmse_skill(const Terms& m) { return 1 - ratio(std::sqrt(m[0]), std::sqrt(m[1])); }

std::vector<Metric> make_table() {
  const bool anomalies = true, no_anomalies = false;
  using enum UnitRule;
  const std::string last = "last", first = "first", none = "none";
  std::vector<Metric> t{
      {"mse", "mean_t <e^2>", Squared, no_anomalies, Second::None, 1, squared_error, same},
      {"rmse", "sqrt(mean_t <e^2>)", Same, no_anomalies, Second::None, 1, squared_error, root, last},
      {"rmse_root_first", "mean_t sqrt(<e^2>)", Same, no_anomalies, Second::None, 1, root_of_squared_error, same,
       first},
      {"mae", "mean_t <|e|>", Same, no_anomalies, Second::None, 1, absolute_error, same},
      {"bias", "mean_t <e>", Same, no_anomalies, Second::None, 1, mean_error, same},
      {"pear_rmse", "mean_t <|e|>: a mean absolute error under the published name", Same, no_anomalies, Second::None, 1,
       absolute_error, same, first},
      {"wind_vector_rmse", "sqrt(mean_t <eu^2 + ev^2>)", Same, no_anomalies, Second::OtherComponent, 1, vector_error,
       root, last},
      {"acc_wb2", "mean_t [<ab> / sqrt(<a^2><b^2>)]", One, anomalies, Second::None, 1, correlation, same, none, false,
       "mean_of_ratios"},
      {"acc_pooled", "mean_t<ab> / sqrt(mean_t<a^2> mean_t<b^2>)", One, anomalies, Second::None, 3, products, pooled,
       none, false, "ratio_of_means"},
      {"pear_acc", "acc_pooled with climatology pear", One, anomalies, Second::None, 3, products, pooled, none, false,
       "ratio_of_means"},
      {"acc_wmo", "acc_wb2 of a - <a>, b - <b>", One, anomalies, Second::None, 1, centred_correlation, same, none, true,
       "mean_of_ratios"},
      {"acc_pooled_centred", "(Pab - Pa Pb) / sqrt((Paa - Pa^2)(Pbb - Pb^2)), P = mean_t<.>", One, anomalies,
       Second::None, 5, products, pooled_centred, none, true, "ratio_of_means"},
      {"activity", "sqrt(mean_t <a^2>)", Same, anomalies, Second::None, 1, forecast_anomaly, root, last},
      {"mse_skill", "1 - mse / mse of the reference", One, no_anomalies, Second::Reference, 2, both_errors, mse_skill,
       none, false, "ratio_of_means"},
      {"rmse_skill", "1 - rmse / rmse of the reference", One, no_anomalies, Second::Reference, 2, both_errors,
       rmse_skill, last, false, "ratio_of_means"}};
  return t;
}

}  // namespace

const std::vector<Metric>& all_metrics() {
  static const std::vector<Metric> table = make_table();
  return table;
}

const Metric& find_metric(const std::string& name) {
  std::vector<std::string> names;
  for (const Metric& m : all_metrics()) {
    if (m.name == name) return m;
    names.push_back(m.name);
  }
  if (name == "acc")
    throw ConfigError(
        "UnknownMetric", "score.metrics",
        {.what = "there is no metric called acc: four definitions differ",
         .expected = "acc_wb2 (mean of uncentred spatial correlations), acc_pooled (sums over all times), "
                     "acc_wmo (centred) or acc_pooled_centred"});
  throw ConfigError("UnknownMetric", "score.metrics",
                    {.what = "unknown metric '" + name + "'", .expected = fmt::format("{}", fmt::join(names, ", "))});
}

std::string metric_unit(const Metric& metric, const std::string& field_units) {
  if (metric.unit == UnitRule::One || field_units.empty()) return "1";
  if (metric.unit == UnitRule::Same || field_units == "1") return field_units;
  const bool one_word = field_units.find_first_of(" /^-0123456789*") == std::string::npos;
  return one_word ? field_units + "2" : "(" + field_units + ")2";
}

std::vector<Terms> metric_terms(const Metric& metric, std::span<const PairSums> own, std::span<const PairSums> second) {
  if (metric.second != Second::None) PEAR_ASSERT(second.size() == own.size());
  std::vector<Terms> terms(own.size());
  for (size_t t = 0; t < own.size(); ++t)
    terms[t] = metric.terms(own[t], metric.second == Second::None ? own[t] : second[t]);
  return terms;
}

double value_of_terms(const Metric& metric, std::span<const Terms> terms) {
  if (terms.empty()) return kNan;
  Terms means{};
  std::vector<double> column(terms.size());
  for (size_t k = 0; k < metric.num_terms; ++k) {
    for (size_t t = 0; t < terms.size(); ++t) column[t] = terms[t][k];
    means[k] = tree_sum(column) / static_cast<double>(terms.size());
  }
  return metric.finish(means);
}

double evaluate(const Metric& metric, std::span<const PairSums> own, std::span<const PairSums> second) {
  return value_of_terms(metric, metric_terms(metric, own, second));
}

}  // namespace pear::forecast
