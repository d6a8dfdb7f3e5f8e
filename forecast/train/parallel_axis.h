// The data axis over several processes.
#pragma once

#include <string>
#include <vector>

#include "distributed/communicator.h"
#include "forecast/train/data_axis.h"

namespace pear::forecast {

/// Every rank holds the whole network and a contiguous share of the slots of a step, all shares of one size.
///
/// `total`: the gradient is cut into one shard per rank; each rank gets its shard of all subtrees, adds them along the
/// fixed tree, and the sums go back to everybody. So the bits depend neither on the number of ranks nor on the order in
/// which a library would add. Traffic per rank: about 2 x the gradient when a share is one subtree, as a ring
/// reduction. Gradients on an accelerator pass through the host. Errors:  CommError of the communicator.
class ParallelAxis : public DataAxis {
 public:
  /// The communicator must outlive the axis.
  explicit ParallelAxis(distributed::Communicator& communicator) : communicator_(communicator) {}

  int64_t rank() const override { return communicator_.rank(); }
  int64_t size() const override { return communicator_.size(); }
  SlotSum total(std::vector<Subtree>& mine, int64_t num_slots) override;
  bool any(bool flag) override;
  void barrier() override { communicator_.barrier(); }
  void complete_rows(torch::Tensor& rows) override;
  void broadcast(torch::Tensor tensor) override;
  void broadcast(std::string& text) override;
  std::string collect(const std::string& text) override;
  void require_equal(const std::string& digest, const std::string& what) override;

 private:
  /// The subtrees of every rank in rank order: gradients [length of this rank's shard], terms [k].
  std::vector<Subtree> exchange(const std::vector<Subtree>& mine, int64_t num_slots, int64_t shard);

  distributed::Communicator& communicator_;
};

}  // namespace pear::forecast
