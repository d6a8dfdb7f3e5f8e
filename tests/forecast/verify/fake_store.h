// A store in memory, filled by a formula.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/store.h"

namespace pear::test {

/// value(variable, level, time, cell)
using FieldFormula = std::function<float(size_t, size_t, Time, int64_t)>;

class FakeStore : public io::Store {
 public:
  FakeStore(io::StoreLayout layout, FieldFormula formula, std::set<Time> missing = {})
      : layout_(std::move(layout)), formula_(std::move(formula)) {
    for (const Time t : layout_.times)
      if (!missing.contains(t)) times_.push_back(t);
  }
  const io::StoreLayout& layout() const override { return layout_; }
  const std::vector<Time>& times() const override { return times_; }
  std::optional<size_t> index_of(Time t) const override {
    const auto it = std::lower_bound(times_.begin(), times_.end(), t);
    if (it == times_.end() || *it != t) return std::nullopt;
    return static_cast<size_t>(it - times_.begin());
  }
  void read(size_t variable, size_t time_index, std::span<float> out) const override {
    const int64_t cells = layout_.grid.num_cells();
    for (size_t i = 0; i < out.size(); ++i)
      out[i] =
          formula_(variable, i / static_cast<size_t>(cells), times_.at(time_index), static_cast<int64_t>(i) % cells);
  }
  const io::ChannelStatistics& statistics(size_t) const override { return statistics_; }
  std::optional<io::ChannelStatistics> tendency_statistics(size_t, Duration) const override { return std::nullopt; }
  std::string fingerprint() const override { return "fake"; }
  void verify() const override {}

 private:
  io::StoreLayout layout_;
  FieldFormula formula_;
  std::vector<Time> times_;
  io::ChannelStatistics statistics_;
};

inline std::vector<Time> every(const char* first, Duration step, int count) {
  std::vector<Time> times;
  for (int i = 0; i < count; ++i) times.push_back(parse_time(first) + i * step);
  return times;
}

}  // namespace pear::test
