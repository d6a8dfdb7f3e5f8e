#include "sphere/attention/block.h"

#include <ATen/ops/dropout.h>
#include <ATen/ops/gelu.h>

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
  const bool drop = is_training() && dropout_ > 0;
  if (!drop && fused_type(x)) return fused_mlp(x, {fc1->weight, fc1->bias, fc2->weight, fc2->bias});
  auto y = at::gelu(fc1(x));
  if (drop) y = at::dropout(y, dropout_, true);
  y = fc2(y);
  return drop ? at::dropout(y, dropout_, true) : y;
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

bool BlockImpl::drops_paths() const { return is_training() && options_.drop_path > 0; }

torch::Tensor BlockImpl::drop_path(const torch::Tensor& branch) const {
  if (!drops_paths()) return branch;
  const double keep = 1.0 - options_.drop_path;
  const auto mask = torch::empty({branch.size(0), 1, 1, 1}, branch.options()).bernoulli_(keep).div_(keep);
  return branch * mask;
}

torch::Tensor BlockImpl::add_normed(const torch::Tensor& x, const torch::Tensor& branch,
                                    torch::nn::LayerNorm& norm) const {
  return drops_paths() ? x + drop_path(norm(branch)) : add_norm(x, branch, *norm);
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
