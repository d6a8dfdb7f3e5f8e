// Window attention on a CUDA device: launches the bodies of attention_body.h. In a build without CUDA the same symbols
// say that there is no path.
#pragma once

#include "sphere/attention/attention_views.h"

namespace pear::sphere {

/// True for head widths 8, 16, 32 and windows of at most 1024 tokens whose tile fits the shared memory of a block.
bool has_cuda_attention(int64_t head_width, int64_t window_tokens);

/// All pointers, those of the shape included, are memory of the current device; `stream` is a cudaStream_t. As the CPU
/// path cuts the work, a block of the backward pass is one head of one task: no atomic operation, the same bits always.
/// Errors:  DeviceError `CudaFailed`.
void attend_cuda(const AttentionShape& shape, const AttentionForward<float>& view, void* stream);
void attend_cuda(const AttentionShape& shape, const AttentionForward<Bfloat16>& view, void* stream);
void attend_cuda_backward(const AttentionShape& shape, const AttentionBackward<float>& view, void* stream);
void attend_cuda_backward(const AttentionShape& shape, const AttentionBackward<Bfloat16>& view, void* stream);

}  // namespace pear::sphere
