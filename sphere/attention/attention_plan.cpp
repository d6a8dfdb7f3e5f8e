#include "sphere/attention/attention_plan.h"

#include <ATen/ops/stack.h>

#include <algorithm>
#include <utility>

namespace pear::sphere {
namespace {

constexpr int64_t kTasksWanted = 24;  ///< enough for the threads of a node once multiplied by the heads
constexpr int64_t kItemsWanted = 16;  ///< fewer would make the filling of a tile felt

}  // namespace

AttentionPlan::AttentionPlan(const Extents& extents, const WindowPartition& partition, const torch::Tensor& index) {
  const int64_t n = partition.window_tokens();
  shape_.batch = extents.batch;
  shape_.tokens = partition.lists().num_stack * partition.lists().num_pixels;
  shape_.windows = partition.num_windows();
  shape_.window_tokens = n;
  shape_.heads = extents.heads;
  shape_.head_width = extents.head_width;
  shape_.num_types = extents.num_types;
  shape_.table_length = extents.table_length;
  shape_.scale = static_cast<float>(extents.scale);
  shape_.mask_value = static_cast<float>(extents.mask_value);
  source_ = partition.gather_index();
  shape_.source = source_.const_data_ptr<int64_t>();
  table_index_ = index.defined() ? index.to(torch::kCPU, torch::kInt32).contiguous()
                                 : torch::arange(n * n, torch::TensorOptions(torch::kInt32));
  shape_.table_index = table_index_.const_data_ptr<int32_t>();
  list_items(partition);
  shape_.items = items_.data();
  shape_.tasks = tasks_.data();
  shape_.num_tasks = static_cast<int64_t>(tasks_.size());
}

void AttentionPlan::list_items(const WindowPartition& partition) {
  std::vector<torch::Tensor> masks;
  const auto& types = partition.ordered_bias_type();
  const int64_t* type_of = types.defined() && shape_.num_types > 1 ? types.const_data_ptr<int64_t>() : nullptr;
  const int64_t most = std::max(kItemsWanted, shape_.batch * shape_.windows / kTasksWanted);
  for (const auto& group : partition.groups()) {
    int32_t mask = -1;
    if (group.mask.defined()) {
      mask = static_cast<int32_t>(masks.size());
      masks.push_back(group.mask);
    }
    std::vector<std::pair<int32_t, int32_t>> members;  // bias type, item
    for (int64_t b = 0; b < shape_.batch; ++b)
      for (int64_t w = group.first; w < group.first + group.count; ++w)
        members.emplace_back(type_of == nullptr ? 0 : type_of[w], b * shape_.windows + w);
    std::stable_sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [type, item] : members) {
      const bool continues = !tasks_.empty() && tasks_.back().mask == mask && tasks_.back().type == type &&
                             tasks_.back().count < most && &members.front().second != &item;
      if (!continues) tasks_.push_back({static_cast<int32_t>(items_.size()), 0, mask, type});
      ++tasks_.back().count;
      items_.push_back(item);
    }
  }
  if (masks.empty()) return;
  masks_ = at::stack(masks).to(torch::kUInt8).contiguous();
  shape_.masks = masks_.const_data_ptr<uint8_t>();
}

}  // namespace pear::sphere
