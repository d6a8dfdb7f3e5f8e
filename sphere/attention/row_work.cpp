#include "sphere/attention/row_work.h"

#include <ATen/autocast_mode.h>

#include <algorithm>

/// Of the MKL inside LibTorch; absent where LibTorch has another BLAS. Sets the calling thread's number, 0 = as all.
extern "C" __attribute__((weak)) int MKL_Set_Num_Threads_Local(int threads);

namespace pear::sphere {
namespace {

constexpr int64_t kChunkBytes = 512 * 1024;  ///< half of a usual level-2 cache
constexpr int64_t kMostTasks = 64;
constexpr int64_t kSumBytes = 64 * 1024 * 1024;

}  // namespace

torch::ScalarType compute_type(const torch::Tensor& x) {
  const auto device = x.device().type();
  const bool is_cast = at::autocast::is_autocast_available(device) && at::autocast::is_autocast_enabled(device);
  return is_cast && x.scalar_type() != torch::kFloat64 ? at::autocast::get_autocast_dtype(device) : x.scalar_type();
}

bool is_fused_type(torch::ScalarType type) { return type == torch::kFloat32 || type == torch::kBFloat16; }

std::optional<torch::ScalarType> fused_type(const torch::Tensor& x) {
  const auto type = compute_type(x);
  if (x.is_cpu() && is_fused_type(type)) return type;
  return {};
}

torch::Tensor cast_to(torch::ScalarType type, const torch::Tensor& t) {
  return at::autocast::is_autocast_enabled(at::kCPU) ? at::autocast::cached_cast(type, t, c10::DeviceType::CPU) : t;
}

RowChunks::RowChunks(int64_t rows, int64_t row_bytes, int64_t task_bytes) : rows_(rows) {
  longest_ = std::clamp<int64_t>(kChunkBytes / row_bytes / 64 * 64, 64, 2048);
  longest_ = std::min(longest_, std::max<int64_t>(64, rows / 8));
  count_ = (rows + longest_ - 1) / longest_;
  const int64_t affordable = task_bytes == 0 ? kMostTasks : std::clamp<int64_t>(kSumBytes / task_bytes, 4, kMostTasks);
  num_tasks_ = std::max<int64_t>(1, std::min(count_, affordable));
}

InsideTask::InsideTask() {
  if (MKL_Set_Num_Threads_Local != nullptr) MKL_Set_Num_Threads_Local(1);
}

// What the call before gave back is the number in force, which would outlast a later change of the program's threads.
InsideTask::~InsideTask() {
  if (MKL_Set_Num_Threads_Local != nullptr) MKL_Set_Num_Threads_Local(0);
}

}  // namespace pear::sphere
