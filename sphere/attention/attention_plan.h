// Work lists of fused attention: windows that share mask and bias type, cut into tasks.
#pragma once

#include <torch/custom_class.h>
#include <torch/types.h>

#include <vector>

#include "sphere/attention/attention_views.h"
#include "sphere/window/window_partition.h"

namespace pear::sphere {

/// Owns the lists that an AttentionShape points to. How work is cut depends on shapes only, so that sums over tasks
/// have the same bits for every number of threads.
class AttentionPlan : public torch::CustomClassHolder {
 public:
  struct Extents {
    int64_t batch, heads, head_width, num_types, table_length;
    double scale, mask_value;
  };
  /// index: int64 [N, N] into the table, undefined = i N + j.
  AttentionPlan(const Extents& extents, const WindowPartition& partition, const torch::Tensor& index);
  const AttentionShape& shape() const { return shape_; }

 private:
  void list_items(const WindowPartition& partition);

  AttentionShape shape_;
  torch::Tensor source_, table_index_, masks_;
  std::vector<int32_t> items_;
  std::vector<AttentionTask> tasks_;
};

}  // namespace pear::sphere
