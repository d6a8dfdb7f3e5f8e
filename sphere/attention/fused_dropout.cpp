#include "sphere/attention/fused_dropout.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include <bit>
#include <mutex>

#include "sphere/attention/dropout_cpu.h"
#include "sphere/attention/row_work.h"

static_assert(_OPENMP > 0, "at::parallel_for would be a plain loop");

namespace pear::sphere {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

template <class T>
torch::Tensor dropped(const torch::Tensor& x, const DropoutMask& mask) {
  const auto out = torch::empty_like(x);
  const int64_t width = x.size(-1);
  const RowChunks chunks(x.numel() / width, width * static_cast<int64_t>(sizeof(T)));
  const T* from = rows_of<T>(x);
  T* to = mutable_rows_of<T>(out);
  at::parallel_for(0, chunks.count(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = chunks.first(i);
      drop_rows({from + first * width, to + first * width, chunks.length(i), width, first}, mask);
    }
  });
  return out;
}

torch::Tensor masked(const torch::Tensor& x, const DropoutMask& mask) {
  return x.scalar_type() == torch::kFloat32 ? dropped<float>(x, mask) : dropped<Bfloat16>(x, mask);
}

struct FusedDropout : torch::autograd::Function<FusedDropout> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, double probability) {
    const auto mask = draw_mask(probability);
    context->saved_data["seed"] = std::bit_cast<int64_t>(mask.seed);
    context->saved_data["probability"] = probability;
    return masked(x, mask);
  }
  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto seed = std::bit_cast<uint64_t>(context->saved_data["seed"].toInt());
    return {masked(grads[0].contiguous(), DropoutMask::of(context->saved_data["probability"].toDouble(), seed)), {}};
  }
};

}  // namespace

DropoutMask draw_mask(double probability) {
  if (probability <= 0) return {};
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  return DropoutMask::of(probability, at::check_generator<at::CPUGeneratorImpl>(generator)->random64());
}

torch::Tensor fused_dropout(const torch::Tensor& x, double probability) {
  if (probability <= 0) return x;
  if (!x.is_cpu() || !is_fused_type(x.scalar_type()) || x.numel() == 0) return at::dropout(x, probability, true);
  return FusedDropout::apply(x.contiguous(), probability);
}

}  // namespace pear::sphere
