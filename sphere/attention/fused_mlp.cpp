#include "sphere/attention/fused_mlp.h"

#include <ATen/Parallel.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <bit>

#include "sphere/attention/dropout_cpu.h"
#include "sphere/attention/fused_dropout.h"
#include "sphere/attention/gelu_cpu.h"
#include "sphere/attention/row_work.h"

static_assert(_OPENMP > 0, "at::parallel_for would be a plain loop");

namespace pear::sphere {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Of the hidden layer and of the result.
struct Masks {
  DropoutMask hidden, out;
};

int64_t hidden_row_bytes(const MlpWeights& w) { return w.w1.size(0) * static_cast<int64_t>(w.w1.element_size()); }

template <class T>
HiddenRows<T> hidden_rows(const torch::Tensor& h, const torch::Tensor& bias, const DropoutMask& mask, int64_t first) {
  return {.values = rows_of<T>(h),
          .bias = rows_of<T>(bias),
          .rows = h.size(0),
          .width = h.size(1),
          .mask = mask,
          .first = first};
}

template <class T>
void drop(const torch::Tensor& from, const torch::Tensor& to, const DropoutMask& mask, int64_t first) {
  drop_rows({rows_of<T>(from), mutable_rows_of<T>(to), from.size(0), from.size(1), first}, mask);
}

template <class T>
torch::Tensor run_forward(const torch::Tensor& x, const MlpWeights& w, const Masks& masks) {
  const auto out = torch::empty_like(x);
  const RowChunks chunks(x.size(0), hidden_row_bytes(w));
  at::parallel_for(0, chunks.count(), 1, [&](int64_t begin, int64_t end) {
    const InsideTask guard;
    const auto buffer = torch::empty({chunks.longest(), w.w1.size(0)}, x.options());
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = chunks.first(i), length = chunks.length(i);
      auto h = buffer.narrow(0, 0, length), y = out.narrow(0, first, length);
      at::mm_out(h, x.narrow(0, first, length), w.w1.t());
      gelu(hidden_rows<T>(h, w.b1, masks.hidden, first), mutable_rows_of<T>(h));
      at::addmm_out(y, w.b2, h, w.w2.t());
      if (masks.out.drops()) drop<T>(y, y, masks.out, first);
    }
  });
  return out;
}

/// Sums of one task, in float32.
struct Sums {
  torch::Tensor w1, b1, w2, b2;
  explicit Sums(const MlpWeights& w)
      : w1(zeros_like(w.w1)), b1(zeros_like(w.b1)), w2(zeros_like(w.w2)), b2(zeros_like(w.b2)) {}
  void add(const Sums& other) const {
    w1.add_(other.w1);
    b1.add_(other.b1);
    w2.add_(other.w2);
    b2.add_(other.b2);
  }
  static int64_t bytes(const MlpWeights& w) { return 2 * w.w1.numel() * static_cast<int64_t>(sizeof(float)); }

 private:
  static torch::Tensor zeros_like(const torch::Tensor& t) {
    return torch::zeros(t.sizes(), t.options().dtype(torch::kFloat32));
  }
};

/// sum += a b; bfloat16 products are rounded once per chunk and added in float32.
void add_product(torch::Tensor& sum, const torch::Tensor& a, const torch::Tensor& b) {
  if (a.scalar_type() == torch::kFloat32)
    at::addmm_out(sum, sum, a, b);
  else
    sum.add_(at::mm(a, b));
}

struct Chunk {
  torch::Tensor x, grad, grad_x;
  int64_t first;
};

/// One chunk's gradients; `buffers` hold two hidden chunks.
template <class T>
void run_chunk_backward(const Chunk& chunk, const MlpWeights& w, const Masks& masks, const torch::Tensor& buffers,
                        Sums& sums) {
  auto h = buffers.select(0, 0).narrow(0, 0, chunk.x.size(0)), g = buffers.select(0, 1).narrow(0, 0, chunk.x.size(0));
  at::mm_out(h, chunk.x, w.w1.t());
  at::mm_out(g, chunk.grad, w.w2);
  gelu_backward(hidden_rows<T>(h, w.b1, masks.hidden, chunk.first), {.grad = rows_of<T>(g),
                                                                     .result = mutable_rows_of<T>(h),
                                                                     .grad_hidden = mutable_rows_of<T>(g),
                                                                     .bias_sum = mutable_rows_of<float>(sums.b1)});
  add_product(sums.w2, chunk.grad.t(), h);
  add_product(sums.w1, g.t(), chunk.x);
  sums.b2.add_(chunk.grad.sum(0, false, torch::kFloat32));
  auto grad_x = chunk.grad_x;
  at::mm_out(grad_x, g, w.w1);
}

template <class T>
variable_list run_backward(const torch::Tensor& x, const MlpWeights& w, const Masks& masks, const torch::Tensor& grad) {
  const auto grad_x = torch::empty_like(x);
  const RowChunks chunks(x.size(0), hidden_row_bytes(w), Sums::bytes(w));
  std::vector<Sums> sums;
  for (int64_t task = 0; task < chunks.num_tasks(); ++task) sums.emplace_back(w);
  at::parallel_for(0, chunks.num_tasks(), 1, [&](int64_t begin, int64_t end) {
    const InsideTask guard;
    const auto buffers = torch::empty({2, chunks.longest(), w.w1.size(0)}, x.options());
    for (int64_t task = begin; task < end; ++task) {
      for (int64_t i = chunks.first_chunk(task); i < chunks.first_chunk(task + 1); ++i) {
        const auto part = [&](const torch::Tensor& t) { return t.narrow(0, chunks.first(i), chunks.length(i)); };
        const auto grad_x_part = part(grad_x);
        auto grad_part = part(grad);
        if (masks.out.drops()) {  // grad_x_part is free until the end of the chunk
          drop<T>(grad_part, grad_x_part, masks.out, chunks.first(i));
          grad_part = grad_x_part;
        }
        run_chunk_backward<T>({part(x), grad_part, grad_x_part, chunks.first(i)}, w, masks, buffers,
                              sums[static_cast<size_t>(task)]);
      }
    }
  });
  for (size_t task = 1; task < sums.size(); ++task) sums[0].add(sums[task]);
  const auto type = x.scalar_type();
  const Sums& all = sums[0];
  return {grad_x, all.w1.to(type), all.b1.to(type), all.w2.to(type), all.b2.to(type), {}};
}

Masks masks_of(double dropout, uint64_t seed) {
  return {DropoutMask::of(dropout, seed), DropoutMask::of(dropout, splitmix64_mix(seed + 1))};
}

struct FusedMlp : torch::autograd::Function<FusedMlp> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x, const torch::Tensor& w1,
                               const torch::Tensor& b1, const torch::Tensor& w2, const torch::Tensor& b2,
                               double dropout) {
    context->save_for_backward({x, w1, b1, w2, b2});
    const MlpWeights w{w1, b1, w2, b2};
    const auto drawn = draw_mask(dropout);
    context->saved_data["dropout"] = dropout;
    context->saved_data["seed"] = std::bit_cast<int64_t>(drawn.seed);
    const auto masks = masks_of(dropout, drawn.seed);
    return x.scalar_type() == torch::kFloat32 ? run_forward<float>(x, w, masks) : run_forward<Bfloat16>(x, w, masks);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const MlpWeights w{saved[1], saved[2], saved[3], saved[4]};
    const auto grad = grads[0].contiguous();
    const auto masks = masks_of(context->saved_data["dropout"].toDouble(),
                                std::bit_cast<uint64_t>(context->saved_data["seed"].toInt()));
    return saved[0].scalar_type() == torch::kFloat32 ? run_backward<float>(saved[0], w, masks, grad)
                                                     : run_backward<Bfloat16>(saved[0], w, masks, grad);
  }
};

}  // namespace

torch::Tensor fused_mlp(const torch::Tensor& x, const MlpWeights& weights, double dropout) {
  const auto type = fused_type(x).value();
  const auto cast = [&](const torch::Tensor& t) { return cast_to(type, t).contiguous(); };
  const auto rows = cast(x).reshape({-1, x.size(-1)});
  return FusedMlp::apply(rows, cast(weights.w1), cast(weights.b1), cast(weights.w2), cast(weights.b2), dropout)
      .view(x.sizes());
}

}  // namespace pear::sphere
