#include "sphere/attention/window_attention.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/dropout.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "sphere/attention/fused_attention.h"
#include "sphere/attention/fused_dropout.h"
#include "sphere/attention/initialise.h"

namespace pear::sphere {
namespace {

/// Additive mask of one group, in the type of the scores: mask_value where blocked, else 0.
torch::Tensor additive_mask(const torch::Tensor& blocked, double value, const torch::Tensor& like) {
  return torch::zeros(blocked.sizes(), like.options()).masked_fill_(blocked.to(like.device()), value);
}

torch::Tensor unit_vectors(const torch::Tensor& x) { return x / x.norm(2, {-1}, true).clamp_min(1e-12); }

}  // namespace

torch::Tensor attend_composed(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                              const torch::Tensor& additive, double dropout, bool training) {
  auto scores = q.matmul(k.transpose(-2, -1));
  if (additive.defined()) scores.add_(additive);  // in place: the product is not needed by its backward
  auto weights = scores.softmax(-1);
  if (training && dropout > 0) weights = at::dropout(weights, dropout, true);
  return weights.matmul(v);
}

WindowAttentionImpl::WindowAttentionImpl(const AttentionOptions& options, int64_t window_tokens)
    : options_(options), window_tokens_(window_tokens) {
  const int64_t c = options.channels, h = options.heads;
  if (h < 1 || c % h != 0)
    throw ShapeError("BadHeads", "sphere.attention",
                     {.what = fmt::format("{} channels with {} heads", c, h), .expected = "a multiple of the heads"});
  qkv = register_module("qkv", torch::nn::Linear(c, 3 * c));
  proj = register_module("proj", torch::nn::Linear(c, c));
  initialise_linear(qkv);
  initialise_linear(proj);
  options_.bias.heads = h;
  options_.bias.window_tokens = window_tokens;
  position_bias = register_module("position_bias", PositionBias(options_.bias));
  if (options.kind == AttentionKind::Cosine)
    log_scale = register_parameter("log_scale", torch::full({h}, std::numbers::ln10));
}

torch::Tensor WindowAttentionImpl::attend(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                                          const torch::Tensor& additive) {
  const bool learned = additive.defined() && additive.requires_grad();
  // A mask that needs a gradient sends the fused kernel to a composition that is no faster than ours.
  if (learned || (is_training() && options_.attention_dropout > 0) || q.scalar_type() == torch::kBFloat16)
    return attend_composed(q, k, v, additive, options_.attention_dropout, is_training());
  const auto mask =
      additive.defined() ? std::optional(additive.expand({q.size(0), q.size(1), q.size(2), k.size(2)})) : std::nullopt;
  return at::scaled_dot_product_attention(q, k, v, mask, 0.0, false, 1.0);
}

torch::Tensor WindowAttentionImpl::temperature() const {
  return log_scale.clamp_max(static_cast<double>(std::log(100.0F))).exp().view({options_.heads, 1});
}

/// Rows [..., 3C] with q and k as cosine attention multiplies them.
torch::Tensor WindowAttentionImpl::with_unit_vectors(const torch::Tensor& rows) const {
  const auto parts = rows.unflatten(-1, {3, options_.heads, options_.channels / options_.heads}).unbind(-3);
  const auto unit = [](const torch::Tensor& t) { return unit_vectors(t.to(torch::kFloat32)); };
  const auto q = (unit(parts[0]) * temperature()).to(rows.scalar_type()), k = unit(parts[1]).to(rows.scalar_type());
  return at::stack({q, k, parts[2]}, -3).flatten(-3);
}

torch::Tensor WindowAttentionImpl::forward(const torch::Tensor& x, const WindowPartition& partition) {
  const int64_t c = options_.channels, width = c / options_.heads;
  const double dropout = is_training() ? options_.attention_dropout : 0.0;
  const bool can_fuse = (dropout == 0 || x.is_cpu()) && x.dim() == 4 && partition.window_tokens() == window_tokens_ &&
                        can_fuse_attention(x, width, window_tokens_);
  if (!can_fuse) return partition.scatter(compose(partition.gather(x), partition));
  FusedAttentionInput in{.qkv = qkv(x).view({x.size(0), x.size(1) * x.size(2), 3 * c}),
                         .zero_row = qkv->bias,
                         .table = position_bias->table,
                         .index = position_bias->index(),
                         .plan = &plan_,
                         .dropout = dropout};
  double scale = 1.0 / std::sqrt(static_cast<double>(width));
  if (options_.kind == AttentionKind::Cosine) {
    scale = 1;
    if (x.is_cpu()) {
      in.temperature = temperature().view({-1});
    } else {
      in.qkv = with_unit_vectors(in.qkv);
      if (partition.has_zero_tokens()) in.zero_row = with_unit_vectors(in.zero_row);
    }
  }
  const auto y = fused_attention(in, partition, options_.heads, scale, options_.mask_value);
  return drop(proj(y.view({x.size(0), x.size(1), x.size(2), c})));
}

torch::Tensor WindowAttentionImpl::drop(const torch::Tensor& y) const {
  return is_training() ? fused_dropout(y, options_.dropout) : y;
}

torch::Tensor WindowAttentionImpl::compose(const torch::Tensor& x, const WindowPartition& partition) {
  const int64_t batch = x.size(0), windows = x.size(1), n = x.size(2), c = x.size(3), h = options_.heads;
  if (n != window_tokens_ || partition.window_tokens() != n)
    throw ShapeError("SizeMismatch", "sphere.attention",
                     {.what = "window attention",
                      .expected = fmt::format("{} tokens in a window", window_tokens_),
                      .found = fmt::format("{}", n)});
  const auto parts = qkv(x).view({batch, windows, n, 3, h, c / h}).permute({3, 0, 1, 4, 2, 5}).unbind(0);
  auto q = parts[0], k = parts[1];
  if (options_.kind == AttentionKind::Cosine) {
    q = unit_vectors(q) * temperature().unsqueeze(-1);
    k = unit_vectors(k);
  } else {
    q = q * (1.0 / std::sqrt(static_cast<double>(c / h)));
  }
  const auto bias = position_bias->forward();  // [T, H, N, N]
  std::vector<torch::Tensor> outputs;
  for (const auto& group : partition.groups()) {
    const auto take = [&](const torch::Tensor& t) {
      return t.narrow(1, group.first, group.count).reshape({batch * group.count, h, n, c / h});
    };
    torch::Tensor additive = bias;
    if (bias.defined() && bias.size(0) > 1) {
      const auto types = partition.ordered_bias_type().narrow(0, group.first, group.count).to(bias.device());
      additive = bias.index_select(0, types).repeat({batch, 1, 1, 1});
    }
    if (group.mask.defined()) {
      const auto mask = additive_mask(group.mask, options_.mask_value, q);
      additive = additive.defined() ? additive + mask : mask.view({1, 1, n, n});
    }
    if (additive.defined()) additive = additive.to(q.scalar_type());
    outputs.push_back(
        attend(take(q), take(k), take(parts[2]), additive).transpose(1, 2).reshape({batch, group.count, n, c}));
  }
  const auto joined = outputs.size() == 1 ? outputs[0] : at::cat(outputs, 1);
  return drop(proj(joined));
}

}  // namespace pear::sphere
