// Minimum, mean and maximum of many values, for `inspect`.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

namespace pear::cli {

/// Of the finite values; the others are counted.
class Spread {
 public:
  void add(std::span<const float> values) {
    for (float v : values) {
      if (!std::isfinite(v)) {
        ++num_missing_;
        continue;
      }
      min_ = std::min<double>(min_, v);
      max_ = std::max<double>(max_, v);
      sum_ += v;
      ++num_;
    }
  }
  /// Adds min, mean, max (null without any value) and missing.
  void write(nlohmann::json& out) const;
  std::string text() const;

 private:
  double min_ = std::numeric_limits<double>::infinity(), max_ = -min_, sum_ = 0;
  int64_t num_ = 0, num_missing_ = 0;
};

}  // namespace pear::cli
