// Training samples out of a store: the state at t and those at t + lead, t + 2 lead, ..., read by variable name.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "forecast/model/domain_part.h"
#include "forecast/state/state.h"
#include "forecast/train/data_config.h"
#include "io/store.h"

namespace pear::forecast {

/// Layout that `data` asks for, on the grid of the store: variables in configured order (all of the store when none is
/// named), a variable without levels is a surface one.
/// Errors:  DataError `MissingVariable`, `MissingLevel`, naming what the store has.
StateLayout layout_from_store(const DataConfig& config, const io::Store& store);

struct Pair {
  Time input, target;  ///< of a rollout: the last target
  bool operator==(const Pair&) const = default;
};
struct PairList {
  std::vector<Pair> pairs;   ///< ascending
  std::vector<Time> absent;  ///< times inside the period that a pair would have needed but the store lacks
  int64_t num_dropped = 0;   ///< pairs that touch such a time
};
/// A pair needs both times inside its selection and present in the store; a rollout of `steps` model steps also those
/// between, `lead` apart.
PairList list_pairs(const io::Store& store, const TimeSelection& selection, Duration lead, int64_t steps = 1);

/// Where one variable-level of the layout lies in the store.
struct ChannelSource {
  size_t variable;
  std::vector<size_t> levels;  ///< positions in the store's level list, in layout order; one 0 for a surface variable
};

struct Batch {
  State input, target;       ///< physical units, [B, ...], CPU
  std::vector<State> later;  ///< targets of the second to last model step
  std::vector<Pair> pairs;

  int64_t num_steps() const { return 1 + static_cast<int64_t>(later.size()); }
  const State& target_of(int64_t step) const { return step == 0 ? target : later[static_cast<size_t>(step - 1)]; }
};

/// Which fields are read, and which cells of them: all, or those of a part.
struct FieldSelection {
  FieldSelection(StateLayout all, const DomainPart& part = {})  // NOLINT(google-explicit-constructor): mostly all
      : layout(std::move(all)),
        first_cell(part.first_of(layout.grid.num_cells())),
        num_cells(part.count_of(layout.grid.num_cells())) {}
  StateLayout layout;
  int64_t first_cell, num_cells;
};

/// Pairs of one period. Reads are thread-safe. Of a part only its cells are kept; the store is read whole, because its
/// checksums are those of whole variables.
///
/// Small sets (all states together not above `data.resident_limit_mib`) are read once and stay in memory.
/// Shapes:  batch of n indices -> State with B = n.
/// Errors:  DataError `NoPairs` if the period yields none, `NonFiniteInput` naming variable, level, time and count.
class Dataset {
 public:
  Dataset(std::shared_ptr<const io::Store> store, FieldSelection fields, const TimeSelection& selection,
          const DataConfig& config, const std::string& what);

  /// Makes samples of `steps` model steps loadable. Not while others read.
  void add_rollout(int64_t steps);
  int64_t size(int64_t steps = 1) const { return static_cast<int64_t>(list(steps).pairs.size()); }
  const PairList& list(int64_t steps = 1) const { return lists_.at(steps); }
  bool is_resident() const { return !resident_.empty(); }
  /// Positions in the list of samples of `steps` model steps.
  Batch load(std::span<const int64_t> indices, int64_t steps = 1) const;
  /// All channels at one time: [channels, cells], float32.
  torch::Tensor channels_at(Time t) const;

 private:
  std::set<Time> needed_times() const;
  void keep_resident();
  torch::Tensor read_channels(Time t) const;
  std::shared_ptr<const io::Store> store_;
  FieldSelection fields_;
  std::vector<ChannelSource> sources_;
  TimeSelection selection_;
  Duration lead_;
  double resident_limit_bytes_;
  std::string what_;
  std::map<int64_t, PairList> lists_;    ///< by number of model steps
  std::vector<torch::Tensor> resident_;  ///< by time index of the store; undefined where unused
};

}  // namespace pear::forecast
