// A store in memory whose fields are formulas, for tests.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <numbers>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/store.h"

namespace pear::forecast::testing {

/// value = formula(variable index, level index, hours since the first time, lat rad, lon rad)
using Formula = std::function<double(size_t, size_t, double, double, double)>;

class FakeStore : public io::Store {
 public:
  FakeStore(io::StoreLayout layout, Formula formula, std::set<Time> missing = {}, std::string fingerprint = "fake")
      : layout_(std::move(layout)), formula_(std::move(formula)), fingerprint_(std::move(fingerprint)) {
    for (Time t : layout_.times)
      if (!missing.contains(t)) times_.push_back(t);
    centres_ = layout_.grid.centres();
    for (size_t v = 0; v < layout_.variables.size(); ++v) {
      statistics_.push_back(moments(v, {}));
      for (int64_t h : {3, 6, 12}) tendencies_[{v, h * 3600}] = moments(v, hours(h));
    }
  }

  const io::StoreLayout& layout() const override { return layout_; }
  const std::vector<Time>& times() const override { return times_; }
  std::optional<size_t> index_of(Time t) const override {
    const auto it = std::find(times_.begin(), times_.end(), t);
    return it == times_.end() ? std::nullopt : std::optional(static_cast<size_t>(it - times_.begin()));
  }
  void read(size_t variable, size_t time_index, std::span<float> out) const override {
    ++num_reads;
    const double h = (times_[time_index] - layout_.times.front()).hours();
    size_t i = 0;
    for (size_t level = 0; level < levels_of(variable); ++level)
      for (size_t p = 0; p < centres_.lat_deg.size(); ++p) out[i++] = static_cast<float>(value(variable, level, h, p));
  }
  const io::ChannelStatistics& statistics(size_t variable) const override { return statistics_[variable]; }
  std::optional<io::ChannelStatistics> tendency_statistics(size_t variable, Duration lag) const override {
    const auto it = tendencies_.find({variable, lag.seconds});
    return it == tendencies_.end() ? std::nullopt : std::optional(it->second);
  }
  std::string fingerprint() const override { return fingerprint_; }
  void verify() const override {}
  mutable std::atomic<int> num_reads = 0;

 private:
  size_t levels_of(size_t v) const { return static_cast<size_t>(layout_.variables[v].num_levels()); }
  double value(size_t v, size_t level, double h, size_t p) const {
    constexpr double kRad = std::numbers::pi / 180;
    return formula_(v, level, h, centres_.lat_deg[p] * kRad, centres_.lon_deg[p] * kRad);
  }
  io::ChannelStatistics moments(size_t v, Duration lag) const {
    io::ChannelStatistics s;
    for (size_t level = 0; level < levels_of(v); ++level) {
      double sum = 0, squares = 0, n = 0, lo = 1e30, hi = -1e30;
      for (Time t : times_)
        for (size_t p = 0; p < centres_.lat_deg.size(); ++p) {
          const double h = (t - layout_.times.front()).hours();
          const double x = value(v, level, h + lag.hours(), p) - (lag.seconds ? value(v, level, h, p) : 0.0);
          if (!std::isfinite(x)) continue;
          sum += x, squares += x * x, n += 1, lo = std::min(lo, x), hi = std::max(hi, x);
        }
      s.mean.push_back(sum / n);
      s.stddev.push_back(std::sqrt(std::max(squares / n - sum / n * sum / n, 1e-12)));
      s.min.push_back(lo);
      s.max.push_back(hi);
    }
    return s;
  }

  io::StoreLayout layout_;
  Formula formula_;
  std::string fingerprint_;
  std::vector<Time> times_;
  sphere::Grid::Centres centres_;
  std::vector<io::ChannelStatistics> statistics_;
  std::map<std::pair<size_t, int64_t>, io::ChannelStatistics> tendencies_;
};

inline std::vector<Time> six_hourly(size_t count) {
  std::vector<Time> times;
  for (size_t i = 0; i < count; ++i) times.push_back(parse_time("2018-10-01") + static_cast<int64_t>(i) * hours(6));
  return times;
}

/// Two winds that turn with the sun: learnable, and persistence is poor.
inline double turning_wind(size_t variable, size_t, double h, double lat, double lon) {
  const double phase = lon - 2 * std::numbers::pi * h / 48;
  return variable == 0 ? 8 * std::cos(lat) * std::cos(phase) + 3 * std::sin(2 * lat)
                       : 6 * std::cos(lat) * std::sin(phase + 2 * lat);
}

inline std::shared_ptr<FakeStore> wind_store(int64_t nside, size_t num_times, Formula formula = turning_wind,
                                             std::set<Time> missing = {}, std::string fingerprint = "fake") {
  io::StoreLayout layout;
  layout.grid = sphere::Grid(sphere::HealpixGrid{nside, sphere::PixelOrder::Nested});
  layout.variables = {{"u10", "m s-1", {}}, {"v10", "m s-1", {}}};
  layout.times = six_hourly(num_times);
  return std::make_shared<FakeStore>(std::move(layout), std::move(formula), std::move(missing), std::move(fingerprint));
}

}  // namespace pear::forecast::testing
