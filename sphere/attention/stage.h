// A row of blocks at one resolution: unshifted and shifted windows take turns.
#pragma once

#include <vector>

#include "sphere/attention/block.h"

namespace pear::sphere {

/// Even blocks use `plain`, odd blocks `shifted`. Parameters `blocks.{j}.…`.
/// Shapes:  x [B, Z, P, C] -> the same.
class StageImpl : public torch::nn::Module {
 public:
  /// `drop_path` holds one probability per block (empty = the option's own value).
  StageImpl(int64_t depth, const BlockOptions& options, const PartitionPtr& plain, const PartitionPtr& shifted,
            const std::vector<double>& drop_path = {});
  torch::Tensor forward(torch::Tensor x);
  const std::vector<Block>& blocks() const { return blocks_; }

 private:
  std::vector<Block> blocks_;
};
TORCH_MODULE(Stage);

}  // namespace pear::sphere
