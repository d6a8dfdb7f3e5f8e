#include "sphere/attention/fused_attention.h"

#include <ATen/Parallel.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/custom_function.h>

#include <bit>

#include "base/error.h"
#include "sphere/attention/attention_bf16.h"
#include "sphere/attention/attention_cpu.h"
#include "sphere/attention/attention_cuda.h"
#include "sphere/attention/fused_dropout.h"
#include "sphere/attention/row_work.h"

static_assert(_OPENMP > 0, "at::parallel_for would be a plain loop");

namespace pear::sphere {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// An autograd function wants defined tensors: an empty one stands for none.
torch::Tensor or_empty(const torch::Tensor& t) { return t.defined() ? t.contiguous() : torch::empty({0}); }
bool is_given(const torch::Tensor& t) { return t.defined() && t.numel() > 0; }

template <class T>
const T* data_of(const torch::Tensor& t) {
  return is_given(t) ? static_cast<const T*>(t.const_data_ptr()) : nullptr;
}
template <class T>
T* mutable_data_of(const torch::Tensor& t) {
  return is_given(t) ? static_cast<T*>(t.mutable_data_ptr()) : nullptr;
}

/// The cudaStream_t that work on the device of t belongs to.
void* stream_of(const torch::Tensor& t) {
  return c10::impl::VirtualGuardImpl(t.device().type()).getStream(t.device()).native_handle();
}

void attend_on_cpu(const AttentionShape& shape, const AttentionForward<float>& view, int64_t first, int64_t last) {
  attend_units(shape, view, first, last);
}
void attend_on_cpu(const AttentionShape& shape, const AttentionForward<Bfloat16>& view, int64_t first, int64_t last) {
  if (has_bfloat16_products()) return attend_units_bf16(shape, view, first, last);
  attend_units(shape, view, first, last);
}
void attend_on_cpu(const AttentionShape& shape, const AttentionBackward<float>& view, int64_t first, int64_t last) {
  attend_units_backward(shape, view, first, last);
}
void attend_on_cpu(const AttentionShape& shape, const AttentionBackward<Bfloat16>& view, int64_t first, int64_t last) {
  if (has_bfloat16_products()) return attend_units_backward_bf16(shape, view, first, last);
  attend_units_backward(shape, view, first, last);
}

template <class T>
void run_forward(const AttentionShape& shape, const FusedAttentionInput& in, const DropoutMask& mask,
                 const torch::Tensor& out, const torch::Tensor& log_sum) {
  const AttentionForward<T> view{.qkv = data_of<T>(in.qkv),
                                 .zero_row = data_of<T>(in.zero_row),
                                 .table = data_of<float>(in.table),
                                 .out = mutable_data_of<T>(out),
                                 .log_sum = mutable_data_of<float>(log_sum),
                                 .variant = {data_of<float>(in.temperature), mask}};
  if (in.qkv.is_cuda()) return attend_cuda(shape, view, stream_of(in.qkv));
  at::parallel_for(0, shape.num_tasks * shape.heads, 1,
                   [&](int64_t first, int64_t last) { attend_on_cpu(shape, view, first, last); });
}

/// Adds the tasks' gradients in their order.
torch::Tensor table_gradient(const AttentionShape& s, const torch::Tensor& partial) {
  auto grad = torch::zeros({s.num_types, s.heads, s.table_length});
  auto* to = grad.mutable_data_ptr<float>();
  const auto* from = partial.const_data_ptr<float>();
  const int64_t pairs = s.window_tokens * s.window_tokens;
  at::parallel_for(0, s.heads, 1, [&](int64_t first, int64_t last) {
    for (int64_t head = first; head < last; ++head)
      for (int64_t task = 0; task < s.num_tasks; ++task) {
        float* row = to + (s.tasks[task].type * s.heads + head) * s.table_length;
        const float* part = from + (task * s.heads + head) * pairs;
        for (int64_t p = 0; p < pairs; ++p) row[s.table_index[p]] += part[p];
      }
  });
  return grad;
}

/// The same by tensor operations.
torch::Tensor table_gradient_on_device(const AttentionPlan& plan, const torch::Tensor& partial) {
  const AttentionShape& s = plan.shape();
  const auto parts = partial.view({s.num_tasks, s.heads, s.window_tokens * s.window_tokens});
  const auto by_type = torch::zeros({s.num_types, parts.size(1), parts.size(2)}, parts.options())
                           .index_add_(0, plan.task_types(), parts);
  return torch::zeros({s.num_types, s.heads, s.table_length}, parts.options())
      .index_add_(2, plan.table_index().view({-1}), by_type);
}

struct Gradients {
  torch::Tensor qkv, zero_row, table, temperature;
};

/// What the backward pass has from the forward pass.
struct Kept {
  torch::Tensor out, log_sum;
  DropoutMask mask;
};

template <class T>
Gradients run_backward(const AttentionPlan& plan, const FusedAttentionInput& in, const Kept& kept,
                       const torch::Tensor& grad_out) {
  const AttentionShape& s = plan.shape();
  const auto options = in.qkv.options().dtype(torch::kFloat32);
  Gradients g;
  g.qkv = torch::empty_like(in.qkv);
  torch::Tensor bias, zero_row;
  if (is_given(in.table) && in.table.requires_grad())
    bias = torch::empty({s.num_tasks, s.heads, s.window_tokens, s.window_tokens}, options);
  if (is_given(in.temperature)) g.temperature = torch::empty({s.num_tasks, s.heads}, options);
  if (is_given(in.zero_row)) zero_row = torch::zeros({s.num_tasks, s.heads, 3, s.head_width}, options);
  const AttentionBackward<T> view{.qkv = data_of<T>(in.qkv),
                                  .zero_row = data_of<T>(in.zero_row),
                                  .table = data_of<float>(in.table),
                                  .out = data_of<T>(kept.out),
                                  .log_sum = data_of<float>(kept.log_sum),
                                  .grad_out = data_of<T>(grad_out),
                                  .grad_qkv = mutable_data_of<T>(g.qkv),
                                  .partial_bias = mutable_data_of<float>(bias),
                                  .partial_zero_row = mutable_data_of<float>(zero_row),
                                  .variant = {data_of<float>(in.temperature), kept.mask},
                                  .partial_temperature = mutable_data_of<float>(g.temperature)};
  const bool on_device = in.qkv.is_cuda();
  if (on_device)
    attend_cuda_backward(s, view, stream_of(in.qkv));
  else
    at::parallel_for(0, s.num_tasks * s.heads, 1,
                     [&](int64_t first, int64_t last) { attend_on_cpu(s, view, first, last); });
  if (g.temperature.defined()) g.temperature = g.temperature.sum(0);
  if (bias.defined()) g.table = on_device ? table_gradient_on_device(plan, bias) : table_gradient(s, bias);
  if (zero_row.defined())
    g.zero_row = zero_row.sum(0).transpose(0, 1).reshape({3 * s.channels()}).to(in.zero_row.scalar_type());
  return g;
}

struct FusedAttention : torch::autograd::Function<FusedAttention> {
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& qkv, const torch::Tensor& zero_row,
                               const torch::Tensor& table, const torch::Tensor& temperature, double dropout,
                               const c10::intrusive_ptr<AttentionPlan>& plan) {
    const AttentionShape& s = plan->shape();
    const FusedAttentionInput in{
        .qkv = qkv.contiguous(), .zero_row = zero_row, .table = table, .temperature = temperature};
    const auto mask = draw_mask(dropout);
    const auto out = torch::empty({s.batch, s.tokens, s.channels()}, qkv.options());
    const auto log_sum =
        torch::empty({s.batch, s.windows, s.heads, s.window_tokens}, qkv.options().dtype(torch::kFloat32));
    const c10::OptionalDeviceGuard guard(qkv.device());
    if (qkv.scalar_type() == torch::kFloat32)
      run_forward<float>(s, in, mask, out, log_sum);
    else
      run_forward<Bfloat16>(s, in, mask, out, log_sum);
    context->save_for_backward({in.qkv, in.zero_row, in.table, in.temperature, out, log_sum});
    context->saved_data["dropout"] = dropout;
    context->saved_data["seed"] = std::bit_cast<int64_t>(mask.seed);
    context->saved_data["plan"] = c10::IValue::make_capsule(plan);
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const auto plan = context->saved_data["plan"].toCapsule();
    const auto& attention = static_cast<const AttentionPlan&>(*plan);
    const FusedAttentionInput in{.qkv = saved[0], .zero_row = saved[1], .table = saved[2], .temperature = saved[3]};
    const auto seed = std::bit_cast<uint64_t>(context->saved_data["seed"].toInt());
    const Kept kept{saved[4], saved[5], DropoutMask::of(context->saved_data["dropout"].toDouble(), seed)};
    const auto grad_out = grads[0].contiguous();
    const c10::OptionalDeviceGuard guard(grad_out.device());
    const auto g = in.qkv.scalar_type() == torch::kFloat32 ? run_backward<float>(attention, in, kept, grad_out)
                                                           : run_backward<Bfloat16>(attention, in, kept, grad_out);
    return {g.qkv, g.zero_row, g.table, g.temperature, {}, {}};
  }
};

void check(const FusedAttentionInput& in, const WindowPartition& partition, int64_t heads) {
  const auto fail = [](const char* what, const std::string& expected, const torch::Tensor& t) {
    throw ShapeError("SizeMismatch", "sphere.attention",
                     {.what = what,
                      .expected = expected,
                      .found = t.defined() ? fmt::format("[{}]", fmt::join(t.sizes(), ", ")) : std::string("nothing")});
  };
  const int64_t tokens = partition.lists().num_stack * partition.lists().num_pixels, n = partition.window_tokens();
  if (in.qkv.dim() != 3 || in.qkv.size(1) != tokens || in.qkv.size(2) % (3 * heads) != 0)
    fail("qkv", fmt::format("[B, {}, 3C] with C a multiple of {} heads", tokens, heads), in.qkv);
  if (partition.has_zero_tokens() && (!in.zero_row.defined() || in.zero_row.numel() != in.qkv.size(2)))
    fail("q, k, v of the zero token", fmt::format("[{}]", in.qkv.size(2)), in.zero_row);
  if (in.temperature.defined() && in.temperature.numel() != heads)
    fail("temperature", fmt::format("[{}]", heads), in.temperature);
  if (!in.qkv.is_cpu() && (in.temperature.defined() || in.dropout > 0))
    fail("temperature or dropout on a device", "dot attention without dropout there", in.temperature);
  if (!in.table.defined()) return;
  if (in.table.dim() != 3 || in.table.size(1) != heads || (!in.index.defined() && in.table.size(2) != n * n))
    fail("position bias", fmt::format("[T, {}, R]", heads), in.table);
  if (in.index.defined() && in.index.numel() != n * n)
    fail("index of the position bias", fmt::format("[{}, {}]", n, n), in.index);
}

}  // namespace

bool can_fuse_attention(const torch::Tensor& x, int64_t head_width, int64_t window_tokens) {
  if (!is_fused_type(compute_type(x))) return false;
  if (x.is_cuda()) return has_cuda_attention(head_width, window_tokens);
  return x.is_cpu() && has_vectorised_attention(head_width);
}

torch::Tensor fused_attention(const FusedAttentionInput& input, const WindowPartition& partition, int64_t heads,
                              double scale, double mask_value) {
  check(input, partition, heads);
  const AttentionPlan::Extents extents{.batch = input.qkv.size(0),
                                       .heads = heads,
                                       .head_width = input.qkv.size(2) / (3 * heads),
                                       .num_types = input.table.defined() ? input.table.size(0) : 0,
                                       .table_length = input.table.defined() ? input.table.size(2) : 0,
                                       .scale = scale,
                                       .mask_value = mask_value};
  const auto device = input.qkv.device();
  AttentionPlanPtr plan = input.plan == nullptr ? nullptr : *input.plan;
  if (!plan || !plan->is_for(extents, partition, device))
    plan = c10::make_intrusive<AttentionPlan>(extents, partition, input.index, device);
  if (input.plan != nullptr) *input.plan = plan;
  const auto zero_row = partition.has_zero_tokens() ? input.zero_row.to(input.qkv.scalar_type()) : torch::Tensor();
  const auto table = input.table.defined() ? input.table.to(torch::kFloat32) : input.table;
  const auto temperature = input.temperature.defined() ? input.temperature.to(torch::kFloat32) : input.temperature;
  return FusedAttention::apply(input.qkv, or_empty(zero_row), or_empty(table), or_empty(temperature), input.dropout,
                               plan);
}

}  // namespace pear::sphere
