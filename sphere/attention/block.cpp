#include "sphere/attention/block.h"

#include <ATen/ops/gelu.h>

#include "sphere/attention/fused_dropout.h"
#include "sphere/attention/fused_mlp.h"
#include "sphere/attention/fused_norm.h"
#include "sphere/attention/initialise.h"
#include "sphere/attention/row_work.h"

namespace pear::sphere {

MlpImpl::MlpImpl(int64_t channels, int64_t hidden, double dropout) : dropout_(dropout) {
  fc1 = register_module("fc1", torch::nn::Linear(channels, hidden));
  fc2 = register_module("fc2", torch::nn::Linear(hidden, channels));
  initialise_linear(fc1);
  initialise_linear(fc2);
}

torch::Tensor MlpImpl::forward(const torch::Tensor& x) {
  const double dropout = is_training() ? dropout_ : 0.0;
  if (fused_type(x)) return fused_mlp(x, {fc1->weight, fc1->bias, fc2->weight, fc2->bias}, dropout);
  return fused_dropout(fc2(fused_dropout(at::gelu(fc1(x)), dropout)), dropout);
}

BlockImpl::BlockImpl(const BlockOptions& options, PartitionPtr partition)
    : options_(options), partition_(std::move(partition)) {
  const int64_t c = options.attention.channels;
  norm1 = register_module("norm1", torch::nn::LayerNorm(torch::nn::LayerNormOptions({c})));
  attn = register_module("attn", WindowAttention(options.attention, partition_->window_tokens()));
  norm2 = register_module("norm2", torch::nn::LayerNorm(torch::nn::LayerNormOptions({c})));
  mlp = register_module("mlp", Mlp(c, options.mlp_ratio * c, options.attention.dropout));
}

torch::Tensor BlockImpl::attend(const torch::Tensor& x) {
  const auto& exchange = partition_->lists().exchange;
  return exchange ? exchange->unshift(attn(exchange->shift(x), *partition_)) : attn(x, *partition_);
}

torch::Tensor BlockImpl::path_factors(const torch::Tensor& branch) const {
  if (!is_training() || options_.drop_path <= 0) return {};
  const double keep = 1.0 - options_.drop_path;
  const auto type = branch.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  return torch::empty({branch.size(0)}, branch.options().dtype(type)).bernoulli_(keep).div_(keep);
}

torch::Tensor BlockImpl::drop_path(const torch::Tensor& branch) const {
  const auto factors = path_factors(branch);
  return factors.defined() ? branch * factors.to(branch.scalar_type()).view({-1, 1, 1, 1}) : branch;
}

torch::Tensor BlockImpl::add_normed(const torch::Tensor& x, const torch::Tensor& branch,
                                    torch::nn::LayerNorm& norm) const {
  return add_norm(x, branch, *norm, path_factors(branch));
}

torch::Tensor BlockImpl::forward(torch::Tensor x) {
  if (options_.norm == NormPlacement::ResPost) {
    x = add_normed(x, attend(x), norm1);
    return add_normed(x, mlp(x), norm2);
  }
  x = x + drop_path(attend(norm1(x)));
  return x + drop_path(mlp(norm2(x)));
}

}  // namespace pear::sphere
