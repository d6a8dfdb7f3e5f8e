// The data and domain axes over several processes.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "distributed/communicator.h"
#include "forecast/train/data_axis.h"
#include "forecast/train/domain_exchange.h"
#include "forecast/train/gradient_reducer.h"
#include "forecast/train/parallel_config.h"

namespace pear::forecast {

/// Every rank holds the whole network and a contiguous share of the slots of a step, all shares of one size.
///
/// Gradients are summed by GradientReducer: traffic per rank is about 2 x the gradient when a share is one subtree, as
/// a ring reduction. Gradients on an accelerator pass through the host unless the communicator takes device memory.
/// With `parallel.optimizer_sharding` a rank gets, and updates, only its shards.
/// Errors:  CommError of the communicator.
class ParallelAxis : public DataAxis {
 public:
  /// Communicators must outlive the axis and what it made. `parts`: the ranks that share samples with this one, in the
  /// order of their parts; null: every rank holds whole samples.
  explicit ParallelAxis(distributed::Communicator& communicator, ParallelConfig config = {},
                        distributed::Communicator* parts = nullptr)
      : communicator_(communicator), config_(std::move(config)), parts_(parts) {}

  int64_t rank() const override { return communicator_.rank(); }
  int64_t size() const override { return communicator_.size(); }
  DomainPart domain() const override;
  void watch(const FlatParameters& parameters, const std::vector<torch::Tensor>& tensors) override;
  void before_last_backward(SlotTree& before, int64_t slot, int64_t num_slots, bool once) override;
  SlotSum total(SlotTree& before, int64_t slot, SlotSum last, int64_t num_slots) override;
  double norm(const torch::Tensor& gradient) override;
  std::vector<FlatRange> shards() const override;
  void complete(const torch::Tensor& flat) override;
  torch::Tensor whole(const torch::Tensor& state, bool everywhere) override;
  double wait_seconds() const override;
  /// What the networks made for `domain()` exchanged so far.
  const ExchangeCounters& exchanged() const { return *exchanged_; }
  bool any(bool flag) override;
  void barrier() override { communicator_.barrier(); }
  void complete_rows(torch::Tensor& rows) override;
  void broadcast(torch::Tensor tensor) override;
  void broadcast(std::string& text) override;
  std::vector<std::string> gather(const std::string& text) override { return communicator_.gather(text); }
  std::string collect(const std::string& text) override;
  void require_equal(const std::string& digest, const std::string& what) override;

 private:
  /// Terms of all slots added along the fixed tree.
  torch::Tensor total_terms(const std::vector<Subtree>& before, int64_t slot, const torch::Tensor& last,
                            int64_t num_slots);

  distributed::Communicator& communicator_;
  ParallelConfig config_;
  distributed::Communicator* parts_;
  std::shared_ptr<ExchangeCounters> exchanged_ = std::make_shared<ExchangeCounters>();
  std::shared_ptr<GradientReducer> reducer_;  ///< after `watch`
};

}  // namespace pear::forecast
