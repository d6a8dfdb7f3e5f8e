// Sums the gradients of all slots of a step over the ranks while the backward pass still computes the rest.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "distributed/communicator.h"
#include "forecast/train/bucket_plan.h"
#include "forecast/train/data_axis.h"
#include "forecast/train/flat_parameters.h"

namespace pear::forecast {

/// One bucket after the other: every rank gets its shard of all subtrees, adds them along the fixed tree (data_axis.h),
/// and the sums go back to everybody unless each rank keeps its own. So the bits depend neither on the number of ranks
/// nor on buckets, overlap or the order in which a library would add.
///
/// A bucket starts when the last of its parameters has its gradient, never before the bucket in front of it: all ranks
/// start them in one order. Hooks of the backward pass start buckets and move the transfers on; they run in the
/// caller's thread for CPU tensors. Hooks in other threads (GPU) only count where the transport is bound to one thread.
class GradientReducer : public std::enable_shared_from_this<GradientReducer> {
 public:
  /// The communicator must outlive the reducer. `keep_shards`: sums stay with their owners (ZeRO-1).
  GradientReducer(distributed::Communicator& communicator, std::vector<FlatRange> buckets, bool keep_shards);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// Puts hooks on the parameters whose gradients lie in `parameters.gradient()`, in the order of its entries.
  void watch(const FlatParameters& parameters, const std::vector<torch::Tensor>& tensors);
  /// The next backward pass is the last of this rank in the step. `before`: what its earlier slots gave. `listen`:
  /// buckets may start as soon as their parameters are ready; each must then get its gradient at most once.
  void begin(std::vector<Subtree> before, int64_t slot, int64_t num_slots, bool listen);
  /// After that pass: the sum over all slots in place of the gradient (only this rank's shards with `keep_shards`).
  /// Errors:  CommError of the communicator; `GradientTwice` if a parameter got its gradient after its bucket left.
  void finish();

  /// This rank's shards of `flat` -> all of it, on every rank.
  void complete(const torch::Tensor& flat);
  /// Shards of this rank, one behind the other -> the whole buffer on rank 0 (everywhere: on all), undefined elsewhere.
  torch::Tensor gather(const torch::Tensor& shards, bool everywhere);

  const std::vector<FlatRange>& buckets() const { return buckets_; }
  /// Seconds that `finish` waited for other ranks.
  double wait_seconds() const { return wait_seconds_; }
  /// Buckets whose exchange began during a backward pass, since the start.
  int64_t num_overlapped() const { return num_overlapped_; }

 private:
  class Hook;
  /// One bucket under way.
  struct Flight {
    size_t index = 0;               ///< of the bucket
    FlatRange shard;                ///< of this rank
    std::vector<Subtree> subtrees;  ///< of all ranks; their sums are empty until they have arrived
    torch::Tensor outgoing, incoming, sum, padded, gathered;
    std::unique_ptr<distributed::Work> exchange, gather;
  };

  void on_ready(size_t parameter);
  bool may_talk() const;
  void start(size_t bucket);
  void progress();
  void add(Flight& flight);
  void start_gather(Flight& flight);
  std::vector<torch::Tensor> folded(const FlatRange& bucket) const;
  /// Shards of all ranks to their places.
  void deliver(const Flight& flight, const torch::Tensor& flat) const;
  void gather_bucket(size_t bucket, const torch::Tensor& shard, const torch::Tensor& flat);
  void wait(distributed::Work& work);

  distributed::Communicator& communicator_;
  std::unique_ptr<distributed::Communicator> gather_communicator_;  ///< null: gathers follow on the same one
  std::vector<FlatRange> buckets_;
  bool keep_shards_;
  std::thread::id thread_ = std::this_thread::get_id();
  torch::Tensor gradient_;
  std::vector<std::vector<size_t>> buckets_of_;  ///< by parameter
  std::vector<int64_t> num_parameters_;          ///< by bucket

  std::vector<Subtree> before_;
  int64_t slot_ = 0, num_slots_ = 1;
  bool is_listening_ = false;
  std::vector<bool> is_ready_;    ///< by parameter
  std::vector<int64_t> missing_;  ///< parameters by bucket
  std::vector<Flight> flights_;
  size_t num_added_ = 0;
  std::exception_ptr error_;
  double wait_seconds_ = 0;
  int64_t num_overlapped_ = 0;
};

}  // namespace pear::forecast
