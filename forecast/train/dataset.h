// Training pairs out of a store: (state at t, state at t + lead), read by variable name.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "forecast/state/state.h"
#include "forecast/train/data_config.h"
#include "io/store.h"

namespace pear::forecast {

/// Layout that `data` asks for, on the grid of the store: variables in configured order (all of the store when none is
/// named), a variable without levels is a surface one.
/// Errors:  DataError `MissingVariable`, `MissingLevel`, naming what the store has.
StateLayout layout_from_store(const DataConfig& config, const io::Store& store);

struct Pair {
  Time input, target;
  bool operator==(const Pair&) const = default;
};
struct PairList {
  std::vector<Pair> pairs;   ///< ascending
  std::vector<Time> absent;  ///< times inside the period that a pair would have needed but the store lacks
  int64_t num_dropped = 0;   ///< pairs that touch such a time
};
/// A pair needs both times inside its selection and present in the store.
PairList list_pairs(const io::Store& store, const TimeSelection& selection, Duration lead);

/// Where one variable-level of the layout lies in the store.
struct ChannelSource {
  size_t variable;
  std::vector<size_t> levels;  ///< positions in the store's level list, in layout order; one 0 for a surface variable
};

struct Batch {
  State input, target;  ///< physical units, [B, ...], CPU
  std::vector<Pair> pairs;
};

/// Pairs of one period. Reads are thread-safe.
///
/// Small sets (all states together not above `data.resident_limit_mib`) are read once and stay in memory.
/// Shapes:  batch of n indices -> State with B = n.
/// Errors:  DataError `NoPairs` if the period yields none, `NonFiniteInput` naming variable, level, time and count.
class Dataset {
 public:
  Dataset(std::shared_ptr<const io::Store> store, const StateLayout& layout, const TimeSelection& selection,
          const DataConfig& config, const std::string& what);

  int64_t size() const { return static_cast<int64_t>(list_.pairs.size()); }
  const PairList& list() const { return list_; }
  bool is_resident() const { return !resident_.empty(); }
  Batch load(std::span<const int64_t> indices) const;
  /// All channels at one time: [channels, P], float32.
  torch::Tensor channels_at(Time t) const;

 private:
  torch::Tensor read_channels(Time t) const;
  std::shared_ptr<const io::Store> store_;
  StateLayout layout_;
  std::vector<ChannelSource> sources_;
  PairList list_;
  std::vector<torch::Tensor> resident_;  ///< by time index of the store; undefined where unused
};

}  // namespace pear::forecast
