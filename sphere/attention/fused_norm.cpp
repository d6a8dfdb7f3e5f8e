#include "sphere/attention/fused_norm.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include "sphere/attention/norm_cpu.h"
#include "sphere/attention/row_work.h"

static_assert(_OPENMP > 0, "at::parallel_for would be a plain loop");

namespace pear::sphere {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// y [rows, C], the parameters of the norm and the samples' factors (empty: none).
struct Normed {
  torch::Tensor y, weight, bias, factors;
  double eps;
};

RowChunks chunks_of(const torch::Tensor& y) {
  return {y.size(0), y.size(1) * static_cast<int64_t>(sizeof(float)),
          2 * y.size(1) * static_cast<int64_t>(sizeof(float))};
}

template <class T>
NormRows<T> view_of(const Normed& in, int64_t first, int64_t length) {
  return {.y = rows_of<T>(in.y) + first * in.y.size(1),
          .weight = rows_of<float>(in.weight),
          .bias = rows_of<float>(in.bias),
          .rows = length,
          .width = in.y.size(1),
          .eps = static_cast<float>(in.eps),
          .factors = in.factors.numel() == 0 ? nullptr : rows_of<float>(in.factors),
          .first = first,
          .rows_per_factor = in.y.size(0) / std::max<int64_t>(1, in.factors.numel())};
}

template <class T>
torch::Tensor run_forward(const torch::Tensor& x, const Normed& in) {
  const auto out = torch::empty_like(x);
  const auto chunks = chunks_of(x);
  const T* residual = rows_of<T>(x);
  T* result = mutable_rows_of<T>(out);
  at::parallel_for(0, chunks.count(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = chunks.first(i) * x.size(1);
      add_norm(view_of<T>(in, chunks.first(i), chunks.length(i)), residual + at, result + at);
    }
  });
  return out;
}

template <class T>
variable_list run_backward(const Normed& in, const torch::Tensor& grad) {
  const auto grad_y = torch::empty_like(in.y);
  const auto chunks = chunks_of(in.y);
  const int64_t width = in.y.size(1);
  auto sums = torch::zeros({chunks.num_tasks(), 2, width});
  auto* sum = mutable_rows_of<float>(sums);
  const T* from = rows_of<T>(grad);
  T* to = mutable_rows_of<T>(grad_y);
  at::parallel_for(0, chunks.num_tasks(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task)
      for (int64_t i = chunks.first_chunk(task); i < chunks.first_chunk(task + 1); ++i)
        norm_backward(view_of<T>(in, chunks.first(i), chunks.length(i)), {.grad = from + chunks.first(i) * width,
                                                                          .grad_y = to + chunks.first(i) * width,
                                                                          .weight_sum = sum + 2 * task * width,
                                                                          .bias_sum = sum + (2 * task + 1) * width});
  });
  for (int64_t task = 1; task < chunks.num_tasks(); ++task) sums[0].add_(sums[task]);
  return {grad, grad_y, sums[0][0], sums[0][1], {}, {}};
}

struct AddNorm : torch::autograd::Function<AddNorm> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, const torch::Tensor& y,
                               const torch::Tensor& weight, const torch::Tensor& bias, const torch::Tensor& factors,
                               double eps) {
    context->save_for_backward({y, weight, bias, factors});
    context->saved_data["eps"] = eps;
    const Normed in{y, weight, bias, factors, eps};
    return x.scalar_type() == torch::kFloat32 ? run_forward<float>(x, in) : run_forward<Bfloat16>(x, in);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const Normed in{saved[0], saved[1], saved[2], saved[3], context->saved_data["eps"].toDouble()};
    const auto grad = grads[0].contiguous();
    return in.y.scalar_type() == torch::kFloat32 ? run_backward<float>(in, grad) : run_backward<Bfloat16>(in, grad);
  }
};

bool can_fuse(const torch::Tensor& x, const torch::Tensor& y, const torch::Tensor& weight) {
  const auto type = x.scalar_type();
  return x.is_cpu() && (type == torch::kFloat32 || type == torch::kBFloat16) && y.scalar_type() == type &&
         weight.scalar_type() == torch::kFloat32;
}

/// [B, 1, ...] for values per sample of x.
std::vector<int64_t> sample_shape(const torch::Tensor& x) {
  std::vector<int64_t> shape(static_cast<size_t>(x.dim()), 1);
  shape[0] = x.size(0);
  return shape;
}

}  // namespace

torch::Tensor add_norm(const torch::Tensor& x, const torch::Tensor& y, torch::nn::LayerNormImpl& norm,
                       const torch::Tensor& factors) {
  const bool has_factors = factors.defined();
  if (!can_fuse(x, y, norm.weight)) {
    auto branch = norm.forward(y);
    if (has_factors) branch = branch * factors.to(branch.scalar_type()).view(sample_shape(x));
    return x + branch;
  }
  const auto rows = [](const torch::Tensor& t) { return t.contiguous().view({-1, t.size(-1)}); };
  const auto given = has_factors ? factors.to(torch::kFloat32).contiguous() : torch::empty({0});
  return AddNorm::apply(rows(x), rows(y), norm.weight, norm.bias, given, norm.options.eps()).view(x.sizes());
}

}  // namespace pear::sphere
