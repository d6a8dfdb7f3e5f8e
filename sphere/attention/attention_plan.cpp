#include "sphere/attention/attention_plan.h"

#include <ATen/ops/stack.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace pear::sphere {
namespace {

constexpr int64_t kTasksWanted = 24;  ///< enough for the threads of a node once multiplied by the heads
constexpr int64_t kItemsWanted = 16;  ///< fewer would make the filling of a tile felt

}  // namespace

AttentionPlan::AttentionPlan(const Extents& extents, const WindowPartition& partition, const torch::Tensor& index,
                             torch::Device device)
    : extents_(extents), partition_source_(partition.gather_index()) {
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
  source_ = partition_source_;
  table_index_ = index.defined() ? index.to(torch::kCPU, torch::kInt32).contiguous()
                                 : torch::arange(n * n, torch::TensorOptions(torch::kInt32));
  list_items(partition);
  move_to(device);
}

bool AttentionPlan::is_for(const Extents& extents, const WindowPartition& partition, torch::Device device) const {
  return extents_ == extents && partition_source_.is_same(partition.gather_index()) && source_.device() == device;
}

/// The lists' last place; the shape points there.
void AttentionPlan::move_to(torch::Device device) {
  for (auto* list : {&source_, &table_index_, &masks_, &items_, &tasks_, &task_types_})
    if (list->defined()) *list = list->to(device);
  shape_.source = source_.const_data_ptr<int64_t>();
  shape_.table_index = table_index_.const_data_ptr<int32_t>();
  if (masks_.defined()) shape_.masks = masks_.const_data_ptr<uint8_t>();
  shape_.items = items_.const_data_ptr<int32_t>();
  static_assert(sizeof(AttentionTask) == 4 * sizeof(int32_t));
  shape_.tasks = reinterpret_cast<const AttentionTask*>(tasks_.const_data_ptr<int32_t>());
}

void AttentionPlan::list_items(const WindowPartition& partition) {
  std::vector<torch::Tensor> masks;
  std::vector<int32_t> items;
  std::vector<AttentionTask> tasks;
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
      const bool continues = !tasks.empty() && tasks.back().mask == mask && tasks.back().type == type &&
                             tasks.back().count < most && &members.front().second != &item;
      if (!continues) tasks.push_back({static_cast<int32_t>(items.size()), 0, mask, type});
      ++tasks.back().count;
      items.push_back(item);
    }
  }
  shape_.num_tasks = static_cast<int64_t>(tasks.size());
  items_ = torch::tensor(items, torch::kInt32);
  tasks_ = torch::empty({shape_.num_tasks, 4}, torch::kInt32);
  std::memcpy(tasks_.mutable_data_ptr(), tasks.data(), tasks.size() * sizeof(AttentionTask));
  task_types_ = tasks_.select(1, 3).to(torch::kInt64);
  if (!masks.empty()) masks_ = at::stack(masks).to(torch::kUInt8).contiguous();
}

}  // namespace pear::sphere
