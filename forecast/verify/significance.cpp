#include "forecast/verify/significance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "forecast/verify/sums.h"

namespace pear::forecast {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double mean_of(std::span<const double> x) { return tree_sum(x) / static_cast<double>(x.size()); }

// Continued fraction of the incomplete beta function, modified Lentz.
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300, kTolerance = 1e-15;
  constexpr int kMaxIterations = 500;
  const auto guard = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };
  double c = 1, d = 1 / guard(1 - (a + b) * x / (a + 1)), h = d;
  for (int m = 1; m <= kMaxIterations; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guard(1 + even * d);
    c = guard(1 + even / c);
    h *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guard(1 + odd * d);
    c = guard(1 + odd / c);
    h *= d * c;
    if (std::abs(d * c - 1) < kTolerance) break;
  }
  return h;
}

double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

}  // namespace

double lag1_autocorrelation(std::span<const double> series) {
  if (series.size() < 3) return 0;
  const double mean = mean_of(series);
  double variance = 0, covariance = 0;
  for (size_t i = 0; i < series.size(); ++i) {
    variance += (series[i] - mean) * (series[i] - mean);
    if (i > 0) covariance += (series[i] - mean) * (series[i - 1] - mean);
  }
  return variance > 0 ? covariance / variance : 0;
}

double inflation_factor(double lag1) {
  const double r = std::clamp(lag1, 0.0, 1.0 - 1e-12);
  return std::sqrt((1 + r) / (1 - r));
}

double student_t_two_sided(double t, int64_t degrees_of_freedom) {
  if (degrees_of_freedom < 1 || std::isnan(t)) return kNan;
  const auto n = static_cast<double>(degrees_of_freedom);
  return incomplete_beta(n / 2, 0.5, n / (n + t * t));
}

PairedTest paired_t(std::span<const double> differences) {
  const auto n = static_cast<double>(differences.size());
  if (differences.size() < 2) return {kNan, kNan, kNan, kNan, 0, 0};
  PairedTest test;
  test.mean = mean_of(differences);
  test.lag1 = lag1_autocorrelation(differences);
  test.degrees_of_freedom = static_cast<int64_t>(differences.size()) - 1;
  double squares = 0;
  for (const double d : differences) squares += (d - test.mean) * (d - test.mean);
  test.standard_error = std::sqrt(squares / (n - 1) / n) * inflation_factor(test.lag1);
  if (test.standard_error > 0) {
    test.t = test.mean / test.standard_error;
    test.p_value = student_t_two_sided(test.t, test.degrees_of_freedom);
  } else {
    // All differences equal: certain if they are not zero.
    test.t = test.mean == 0 ? 0 : std::copysign(std::numeric_limits<double>::infinity(), test.mean);
    test.p_value = test.mean == 0 ? 1 : 0;
  }
  return test;
}

double optimal_block_length(double lag1, int64_t n) {
  const double r = std::clamp(lag1, 0.0, 0.99);
  const double b = std::cbrt(std::pow(2 * r / (1 - r * r), 2) * static_cast<double>(n));
  return std::clamp(b, 1.0, std::max(1.0, static_cast<double>(n) / 2));
}

std::vector<std::vector<int32_t>> stationary_bootstrap(int64_t n, int64_t samples, double block, uint64_t seed) {
  std::vector<std::vector<int32_t>> out(static_cast<size_t>(n > 0 ? samples : 0));
  const double new_block = 1 / std::max(block, 1.0);
  uint64_t counter = 0;
  for (auto& sample : out) {
    sample.resize(static_cast<size_t>(n));
    int64_t position = 0;
    for (int64_t i = 0; i < n; ++i) {
      const bool jump = random_unit(seed, "bootstrap.jump", counter) < new_block;
      position = i == 0 || jump
                     ? static_cast<int64_t>(random_below(seed, "bootstrap.start", counter, static_cast<uint64_t>(n)))
                     : (position + 1) % n;
      ++counter;
      sample[static_cast<size_t>(i)] = static_cast<int32_t>(position);
    }
  }
  return out;
}

double quantile(std::vector<double> values, double probability) {
  std::erase_if(values, [](double x) { return std::isnan(x); });
  if (values.empty()) return kNan;
  std::sort(values.begin(), values.end());
  const double position = std::clamp(probability, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto low = static_cast<size_t>(position);
  const size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (position - static_cast<double>(low)) * (values[high] - values[low]);
}

std::vector<double> adjust_p_values(std::span<const double> p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [&](size_t i) { return std::isnan(p[i]); });
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size(), kNan);
  double smallest = 1;
  for (size_t rank = order.size(); rank > 0; --rank) {
    const size_t i = order[rank - 1];
    smallest = std::min(smallest, p[i] * static_cast<double>(order.size()) / static_cast<double>(rank));
    adjusted[i] = smallest;
  }
  return adjusted;
}

}  // namespace pear::forecast
