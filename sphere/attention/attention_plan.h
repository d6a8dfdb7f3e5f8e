// Work lists of fused attention: windows that share mask and bias type, cut into tasks.
#pragma once

#include <torch/custom_class.h>
#include <torch/types.h>

#include <vector>

#include "sphere/attention/attention_views.h"
#include "sphere/window/window_partition.h"

namespace pear::sphere {

/// Owns the lists that an AttentionShape points to, on the device of the tokens. How work is cut depends on shapes
/// only, so that sums over tasks have the same bits for every number of threads.
class AttentionPlan : public torch::CustomClassHolder {
 public:
  struct Extents {
    int64_t batch, heads, head_width, num_types, table_length;
    double scale, mask_value;
    bool operator==(const Extents&) const = default;
  };
  /// index: int64 [N, N] into the table, undefined = i N + j.
  AttentionPlan(const Extents& extents, const WindowPartition& partition, const torch::Tensor& index,
                torch::Device device = torch::kCPU);
  const AttentionShape& shape() const { return shape_; }
  /// Bias type of every task, int64 [tasks]; table entry of every pair, int32 [N, N]. On the device.
  const torch::Tensor& task_types() const { return task_types_; }
  const torch::Tensor& table_index() const { return table_index_; }
  bool is_for(const Extents& extents, const WindowPartition& partition, torch::Device device) const;

 private:
  void list_items(const WindowPartition& partition);
  void move_to(torch::Device device);

  Extents extents_;
  AttentionShape shape_;
  torch::Tensor partition_source_;  ///< kept, so that the same address means the same partition
  torch::Tensor source_, table_index_, masks_, items_, tasks_, task_types_;
};

using AttentionPlanPtr = c10::intrusive_ptr<AttentionPlan>;

}  // namespace pear::sphere
