#include "io/statistics.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace pear::io {
namespace {

template <class ValueAt>
Moments moments(size_t size, std::span<const double> weights, const ValueAt& value_at) {
  if (!weights.empty() && weights.size() != size)
    throw ShapeError("SizeMismatch", "io.statistics",
                     {.what = "weights of a field",
                      .expected = std::to_string(size) + " weights",
                      .found = std::to_string(weights.size()) + " weights"});
  const auto weight_at = [&](size_t i) { return weights.empty() ? 1.0 : weights[i]; };
  Moments m;
  double sum = 0;
  for (size_t i = 0; i < size; ++i) {
    const double x = value_at(i);
    if (std::isnan(x)) continue;
    m.weight += weight_at(i);
    sum += weight_at(i) * x;
    m.min = std::min(m.min, x);
    m.max = std::max(m.max, x);
  }
  if (m.weight == 0) return {};
  const double guess = sum / m.weight;
  double rest = 0, square = 0;
  for (size_t i = 0; i < size; ++i) {
    const double x = value_at(i);
    if (std::isnan(x)) continue;
    const double d = x - guess;
    rest += weight_at(i) * d;
    square += weight_at(i) * d * d;
  }
  m.mean = guess + rest / m.weight;
  m.m2 = std::max(0.0, square - rest * rest / m.weight);
  return m;
}

}  // namespace

double Moments::stddev() const { return weight > 0 ? std::sqrt(m2 / weight) : std::nan(""); }

Moments moments_of(std::span<const float> values, std::span<const double> weights) {
  return moments(values.size(), weights, [&](size_t i) { return static_cast<double>(values[i]); });
}

Moments moments_of_difference(std::span<const float> a, std::span<const float> b, std::span<const double> weights) {
  if (a.size() != b.size())
    throw ShapeError("SizeMismatch", "io.statistics",
                     {.what = "difference of two fields",
                      .expected = std::to_string(a.size()) + " values",
                      .found = std::to_string(b.size()) + " values"});
  return moments(a.size(), weights, [&](size_t i) { return static_cast<double>(b[i]) - static_cast<double>(a[i]); });
}

Moments merge(const Moments& a, const Moments& b) {
  if (a.weight == 0) return b;
  if (b.weight == 0) return a;
  Moments m;
  m.weight = a.weight + b.weight;
  const double delta = b.mean - a.mean;
  m.mean = a.mean + delta * (b.weight / m.weight);
  m.m2 = a.m2 + b.m2 + delta * delta * (a.weight * (b.weight / m.weight));
  m.min = std::min(a.min, b.min);
  m.max = std::max(a.max, b.max);
  return m;
}

Moments merge_tree(std::span<const Moments> moments) {
  if (moments.empty()) return {};
  if (moments.size() == 1) return moments.front();
  const size_t half = moments.size() / 2;
  return merge(merge_tree(moments.first(half)), merge_tree(moments.subspan(half)));
}

}  // namespace pear::io
