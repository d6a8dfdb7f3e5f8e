#include "base/error.h"
#include "sphere/attention/attention_cuda.h"

namespace pear::sphere {
namespace {

[[noreturn]] void refuse() {
  throw DeviceError("NoCuda", "sphere.attention", {.what = "this build has no CUDA", .hint = "build it with nvcc 13"});
}

}  // namespace

bool has_cuda_attention(int64_t, int64_t) { return false; }
void attend_cuda(const AttentionShape&, const AttentionForward<float>&, void*) { refuse(); }
void attend_cuda(const AttentionShape&, const AttentionForward<Bfloat16>&, void*) { refuse(); }
void attend_cuda_backward(const AttentionShape&, const AttentionBackward<float>&, void*) { refuse(); }
void attend_cuda_backward(const AttentionShape&, const AttentionBackward<Bfloat16>&, void*) { refuse(); }

}  // namespace pear::sphere
