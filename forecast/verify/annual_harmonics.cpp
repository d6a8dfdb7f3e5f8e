#include "forecast/verify/annual_harmonics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr double kDaysPerYear = 365.25;
constexpr double kLongestGapDays = 30;
constexpr size_t kSamplesPerCoefficient = 10;
// Pivots of the normal matrix divided by the number of samples are near 1 or 1/2 when the year is covered.
constexpr double kSmallestPivot = 1e-6;

using Matrix = std::vector<std::vector<double>>;

/// Lower triangle L with L L^T = a, in place.
void factorise(Matrix& a, size_t num_samples) {
  for (size_t j = 0; j < a.size(); ++j) {
    for (size_t k = 0; k < j; ++k) a[j][j] -= a[j][k] * a[j][k];
    if (!(a[j][j] > kSmallestPivot * static_cast<double>(num_samples)))
      throw DataError("TooFewSamples", "forecast.verify.climatology",
                      {.what = fmt::format("{} samples do not determine {} coefficients", num_samples, a.size()),
                       .expected = "samples spread over the year",
                       .hint = "climatology.kind=mean, or fewer climatology.num_harmonics"});
    a[j][j] = std::sqrt(a[j][j]);
    for (size_t i = j + 1; i < a.size(); ++i) {
      for (size_t k = 0; k < j; ++k) a[i][j] -= a[i][k] * a[j][k];
      a[i][j] /= a[j][j];
    }
  }
}

void solve(const Matrix& l, std::vector<double>& x) {
  for (size_t i = 0; i < l.size(); ++i) {
    for (size_t k = 0; k < i; ++k) x[i] -= l[i][k] * x[k];
    x[i] /= l[i][i];
  }
  for (size_t i = l.size(); i-- > 0;) {
    for (size_t k = i + 1; k < l.size(); ++k) x[i] -= l[k][i] * x[k];
    x[i] /= l[i][i];
  }
}

}  // namespace

double year_fraction(Time t) {
  const int64_t year = civil_from_time(t).year;
  const Time first = time_from_civil({.year = year}), next = time_from_civil({.year = year + 1});
  return static_cast<double>((t - first).seconds) / static_cast<double>((next - first).seconds);
}

std::vector<double> annual_basis(Time t, int64_t num_harmonics) {
  const double angle = 2 * std::numbers::pi * year_fraction(t);
  std::vector<double> basis{1.0};
  for (int64_t h = 1; h <= num_harmonics; ++h) {
    basis.push_back(std::cos(static_cast<double>(h) * angle));
    basis.push_back(std::sin(static_cast<double>(h) * angle));
  }
  return basis;
}

std::string harmonics_obstacle(const std::vector<Time>& times, int64_t num_harmonics) {
  const size_t needed = kSamplesPerCoefficient * (2 * static_cast<size_t>(num_harmonics) + 1);
  if (times.size() < needed)
    return fmt::format("{} samples at an hour of the day, {} needed for {} harmonics", times.size(), needed,
                       num_harmonics);
  std::vector<double> fractions;
  for (const Time t : times) fractions.push_back(year_fraction(t));
  std::sort(fractions.begin(), fractions.end());
  double gap = fractions.front() + 1 - fractions.back();
  for (size_t i = 1; i < fractions.size(); ++i) gap = std::max(gap, fractions[i] - fractions[i - 1]);
  if (gap * kDaysPerYear <= kLongestGapDays) return "";
  return fmt::format("{:.0f} days of the year have no sample, at most {:.0f} are allowed", gap * kDaysPerYear,
                     kLongestGapDays);
}

std::vector<std::vector<double>> least_squares_weights(const std::vector<Time>& times, int64_t num_harmonics) {
  const size_t n = 2 * static_cast<size_t>(num_harmonics) + 1;
  Matrix basis, normal(n, std::vector<double>(n, 0.0));
  for (const Time t : times) {
    basis.push_back(annual_basis(t, num_harmonics));
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j) normal[i][j] += basis.back()[i] * basis.back()[j];
  }
  factorise(normal, times.size());
  Matrix weights(n, std::vector<double>(times.size()));
  for (size_t s = 0; s < times.size(); ++s) {
    solve(normal, basis[s]);
    for (size_t k = 0; k < n; ++k) weights[k][s] = basis[s][k];
  }
  return weights;
}

}  // namespace pear::forecast
