// What the fused operations on rows of tokens share: when they apply, and how rows are cut into work.
#pragma once

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <torch/types.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "sphere/attention/attention_views.h"

namespace pear::sphere {

/// The type in which a linear layer would compute x: its own, or that of autocast.
torch::ScalarType compute_type(const torch::Tensor& x);
/// float32 and bfloat16 have fused loops.
bool is_fused_type(torch::ScalarType type);
/// The type in which the fused loops on the CPU would handle x; nothing for other types and devices.
std::optional<torch::ScalarType> fused_type(const torch::Tensor& x);
/// t in that type, as autocast would cast it: once per forward pass for weights.
torch::Tensor cast_to(torch::ScalarType type, const torch::Tensor& t);

template <class T>
const T* rows_of(const torch::Tensor& t) {
  return static_cast<const T*>(t.const_data_ptr());
}
template <class T>
T* mutable_rows_of(const torch::Tensor& t) {
  return static_cast<T*>(t.mutable_data_ptr());
}

/// Rows in chunks that stay in a cache, chunks in tasks with sums of their own. Depends on the extents only, so sums
/// over tasks have the same bits for every number of threads.
class RowChunks {
 public:
  /// row_bytes: the widest row of one chunk; task_bytes: the sums of one task.
  RowChunks(int64_t rows, int64_t row_bytes, int64_t task_bytes = 0);
  int64_t count() const { return count_; }
  int64_t longest() const { return longest_; }
  int64_t first(int64_t chunk) const { return chunk * longest_; }
  int64_t length(int64_t chunk) const { return std::min(longest_, rows_ - first(chunk)); }
  int64_t num_tasks() const { return num_tasks_; }
  /// First chunk of a task; that of task num_tasks() is count().
  int64_t first_chunk(int64_t task) const { return task * count_ / num_tasks_; }

 private:
  int64_t rows_, longest_, count_, num_tasks_;
};

/// Tensor operations inside a task: below autograd, and a product by this thread alone, so that how it cuts its sums
/// does not depend on the number of threads.
class InsideTask {
 public:
  InsideTask();
  ~InsideTask();
  InsideTask(const InsideTask&) = delete;
  InsideTask& operator=(const InsideTask&) = delete;

 private:
  at::AutoDispatchBelowADInplaceOrView below_;
  at::AutoGradMode no_grad_{false};
};

}  // namespace pear::sphere
