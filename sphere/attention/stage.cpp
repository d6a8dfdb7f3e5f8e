#include "sphere/attention/stage.h"

namespace pear::sphere {
namespace {

/// Only gives its children the published prefix `blocks.{j}`.
struct BlockListImpl : torch::nn::Module {};

}  // namespace

StageImpl::StageImpl(int64_t depth, const BlockOptions& options, const PartitionPtr& plain, const PartitionPtr& shifted,
                     const std::vector<double>& drop_path) {
  auto list = register_module("blocks", std::make_shared<BlockListImpl>());
  for (int64_t j = 0; j < depth; ++j) {
    BlockOptions own = options;
    if (!drop_path.empty()) own.drop_path = drop_path.at(static_cast<size_t>(j));
    blocks_.push_back(list->register_module(std::to_string(j), Block(own, j % 2 == 0 ? plain : shifted)));
  }
}

torch::Tensor StageImpl::forward(torch::Tensor x) {
  for (auto& block : blocks_) x = block(x);
  return x;
}

}  // namespace pear::sphere
