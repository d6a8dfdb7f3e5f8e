#include <cuda_runtime.h>

#include <string>

#include "base/error.h"
#include "sphere/attention/attention_body.h"
#include "sphere/attention/attention_cuda.h"

namespace pear::sphere {
namespace {

constexpr int64_t kMostTokens = 1024;         ///< threads of a block
constexpr int64_t kSharedBytes = 160 * 1024;  ///< a block of compute capability 8.0 may have 163 KiB
constexpr int64_t kSharedWithoutAsking = 48 * 1024;

int threads_for(int64_t n) { return static_cast<int>((n + 31) / 32 * 32); }

void check(cudaError_t code, const char* what) {
  if (code == cudaSuccess) return;
  throw DeviceError("CudaFailed", "sphere.attention",
                    {.what = what, .found = std::string(cudaGetErrorName(code)) + ": " + cudaGetErrorString(code)});
}

/// Block x: item, block y: head; thread: slot. `task_of` is found by the block itself, the lists are short.
template <int D, class T>
__global__ void forward_kernel(AttentionShape s, AttentionForward<T> v) {
  extern __shared__ float memory[];
  const WindowTile tile = forward_tile(memory, s.window_tokens, D);
  const int64_t place = blockIdx.x, slot = threadIdx.x;
  int64_t task = 0;
  while (place >= s.tasks[task].first + s.tasks[task].count) ++task;
  const WindowUnit u{s.tasks[task], s.items[place], static_cast<int64_t>(blockIdx.y)};
  if (slot < s.window_tokens) load_slot<D>(s, v, u, slot, tile);
  __syncthreads();
  if (slot < s.window_tokens) attend_slot<D>(s, v, u, slot, tile);
}

/// Block x: task, block y: head; the items of a task one after the other, so that sums need no atomic operation.
template <int D, class T>
__global__ void backward_kernel(AttentionShape s, AttentionBackward<T> v) {
  extern __shared__ float memory[];
  const int64_t n = s.window_tokens, slot = threadIdx.x;
  const WindowTile tile = backward_tile(memory, n, D);
  const AttentionTask task = s.tasks[blockIdx.x];
  const int64_t head = blockIdx.y, unit = blockIdx.x * s.heads + head;
  float* bias = v.partial_bias == nullptr ? nullptr : v.partial_bias + unit * n * n;
  if (bias != nullptr && slot < n)
    for (int64_t i = 0; i < n; ++i) bias[i * n + slot] = 0;
  for (int32_t k = 0; k < task.count; ++k) {
    const WindowUnit u{task, s.items[task.first + k], head};
    if (slot < n) load_slot<D>(s, v, u, slot, tile);
    __syncthreads();
    SlotGradient<D> g;
    if (slot < n) g = slot_gradient<D>(s, v, u, slot, tile, bias);
    __syncthreads();
    if (slot < n) store_slot<D>(s, v, u, slot, g, tile);
    if (v.partial_zero_row == nullptr) continue;  // the next load overwrites this thread's own rows only
    __syncthreads();
    for (int64_t entry = slot; entry < 3 * D; entry += blockDim.x)
      v.partial_zero_row[unit * 3 * D + entry] += zero_row_sum<D>(tile, n, entry);
    __syncthreads();
  }
}

template <class Kernel, class View>
void launch(Kernel kernel, const AttentionShape& s, const View& view, dim3 grid, int64_t floats, void* stream) {
  const int64_t bytes = floats * static_cast<int64_t>(sizeof(float));
  if (bytes > kSharedWithoutAsking)
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
          "shared memory of window attention");
  kernel<<<grid, threads_for(s.window_tokens), static_cast<size_t>(bytes), static_cast<cudaStream_t>(stream)>>>(s,
                                                                                                                view);
  check(cudaGetLastError(), "launch of window attention");
}

template <int D, class T>
void launch_forward(const AttentionShape& s, const AttentionForward<T>& v, void* stream) {
  const dim3 grid(static_cast<unsigned>(s.batch * s.windows), static_cast<unsigned>(s.heads));
  launch(forward_kernel<D, T>, s, v, grid, forward_tile_size(s.window_tokens, D), stream);
}

template <int D, class T>
void launch_backward(const AttentionShape& s, const AttentionBackward<T>& v, void* stream) {
  const dim3 grid(static_cast<unsigned>(s.num_tasks), static_cast<unsigned>(s.heads));
  launch(backward_kernel<D, T>, s, v, grid, backward_tile_size(s.window_tokens, D), stream);
}

template <class T>
void forward_any(const AttentionShape& s, const AttentionForward<T>& v, void* stream) {
  if (s.head_width == 8) launch_forward<8>(s, v, stream);
  if (s.head_width == 16) launch_forward<16>(s, v, stream);
  if (s.head_width == 32) launch_forward<32>(s, v, stream);
}

template <class T>
void backward_any(const AttentionShape& s, const AttentionBackward<T>& v, void* stream) {
  if (s.head_width == 8) launch_backward<8>(s, v, stream);
  if (s.head_width == 16) launch_backward<16>(s, v, stream);
  if (s.head_width == 32) launch_backward<32>(s, v, stream);
}

}  // namespace

bool has_cuda_attention(int64_t head_width, int64_t window_tokens) {
  const bool has_loop = head_width == 8 || head_width == 16 || head_width == 32;
  return has_loop && window_tokens <= kMostTokens &&
         backward_tile_size(window_tokens, head_width) * static_cast<int64_t>(sizeof(float)) <= kSharedBytes;
}

void attend_cuda(const AttentionShape& shape, const AttentionForward<float>& view, void* stream) {
  forward_any(shape, view, stream);
}
void attend_cuda(const AttentionShape& shape, const AttentionForward<Bfloat16>& view, void* stream) {
  forward_any(shape, view, stream);
}
void attend_cuda_backward(const AttentionShape& shape, const AttentionBackward<float>& view, void* stream) {
  backward_any(shape, view, stream);
}
void attend_cuda_backward(const AttentionShape& shape, const AttentionBackward<Bfloat16>& view, void* stream) {
  backward_any(shape, view, stream);
}

}  // namespace pear::sphere
