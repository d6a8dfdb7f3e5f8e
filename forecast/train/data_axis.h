// Sums over the micro-batches of a step, in an order that the number of processes cannot change.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "forecast/model/domain_part.h"
#include "forecast/train/bucket_plan.h"
#include "forecast/train/flat_parameters.h"

namespace pear::forecast {

/// What one micro-batch (or a sum of some) contributes: gradient [n] float32 and logged terms [k] float64 on the CPU.
struct SlotSum {
  torch::Tensor gradient, terms;
};

/// Sum of the slots [index << level, (index + 1) << level) of a step.
struct Subtree {
  int64_t level = 0, index = 0;
  SlotSum sum;
};

/// Folds a contiguous range of slots, added in ascending order, into the aligned subtrees that cover it.
///
/// The tree is binary over the slots of the step, absent leaves pad it to a power of two; so a sum over slots has the
/// same bits whether one process or several computed the parts.
class SlotTree {
 public:
  void add(int64_t slot, SlotSum leaf);
  std::vector<Subtree>& subtrees() { return subtrees_; }
  /// Which subtrees `add` leaves for the slots [first, last); their sums are empty.
  static std::vector<Subtree> cover(int64_t first, int64_t last);
  /// The root from subtrees that cover all `num_slots` slots.
  static SlotSum root(const std::vector<Subtree>& subtrees, int64_t num_slots);

 private:
  std::vector<Subtree> subtrees_;
};

/// The process mesh as training sees it: `data` x `domain` ranks in a row. Every rank adds a contiguous range of slots;
/// a slot of one part counts as a slot of its own, all slots of part 0 before those of part 1. This class is the axis
/// of size one; a parallel one overrides every function and is passed in `TrainRequest::data_axis`.
class DataAxis {
 public:
  virtual ~DataAxis() = default;
  virtual int64_t rank() const { return 0; }
  virtual int64_t size() const { return 1; }
  /// The part of every sample that this rank holds. Ranks of one part are neighbours.
  virtual DomainPart domain() const { return {}; }
  /// Place among the ranks of this part, which share the samples of a step.
  int64_t data_rank() const { return rank() % data_size(); }
  int64_t data_size() const { return size() / domain().num_parts; }
  /// Once, before the first step: the network whose gradients will be summed.
  virtual void watch(const FlatParameters& parameters, const std::vector<torch::Tensor>& tensors) {
    static_cast<void>(parameters), static_cast<void>(tensors);
  }
  /// The next backward pass is the last of this rank in the step; `before` holds its earlier slots. `once`: no
  /// parameter gets its gradient twice in it.
  virtual void before_last_backward(SlotTree& before, int64_t slot, int64_t num_slots, bool once) {
    static_cast<void>(before), static_cast<void>(slot), static_cast<void>(num_slots), static_cast<void>(once);
  }
  /// After that pass: total over all slots of the step, the same bits on every rank. `last` is what the slot gave; its
  /// gradient is the live buffer of the parameters. Where ranks own shards the gradient is total in this rank's only.
  virtual SlotSum total(SlotTree& before, int64_t slot, SlotSum last, int64_t num_slots);
  /// Euclidean norm of the total gradient, as blocked_norm.
  virtual double norm(const torch::Tensor& gradient);

  /// Parts of the flat buffers that this rank updates and keeps state for, one behind the other; empty: all of them.
  virtual std::vector<FlatRange> shards() const { return {}; }
  /// Where ranks own shards: this rank's parts of `flat` are up to date -> all of it is.
  virtual void complete(const torch::Tensor& flat) { static_cast<void>(flat); }
  /// State of the shards -> of the whole buffer, on rank 0 or everywhere; undefined elsewhere. Collective.
  virtual torch::Tensor whole(const torch::Tensor& state, bool everywhere) {
    static_cast<void>(everywhere);
    return state;
  }
  /// Seconds that this rank waited for gradients of others.
  virtual double wait_seconds() const { return 0; }
  /// True on every rank if true on any.
  virtual bool any(bool flag) { return flag; }
  virtual void barrier() {}
  /// Rows that one rank has filled and the others left zero -> all rows on every rank. [n, k] float64 on the CPU.
  virtual void complete_rows(torch::Tensor& rows) { static_cast<void>(rows); }
  /// Rank 0's content on every rank.
  virtual void broadcast(torch::Tensor tensor) { static_cast<void>(tensor); }
  virtual void broadcast(std::string& text) { static_cast<void>(text); }
  /// The texts of all ranks, on rank 0; empty elsewhere.
  virtual std::vector<std::string> gather(const std::string& text) { return {text}; }
  /// The texts of all ranks that are not empty, in rank order, on every rank.
  virtual std::string collect(const std::string& text) { return text; }
  /// Errors:  CommError `RanksDisagree` naming the ranks whose digest is not that of rank 0.
  virtual void require_equal(const std::string& digest, const std::string& what) {
    static_cast<void>(digest), static_cast<void>(what);
  }
};

}  // namespace pear::forecast
