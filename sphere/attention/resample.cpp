#include "sphere/attention/resample.h"

#include <fmt/format.h>

#include "base/error.h"
#include "sphere/attention/initialise.h"

namespace pear::sphere {

PatchMergeImpl::PatchMergeImpl(int64_t channels, ChildMapPtr children) : children_(std::move(children)) {
  norm = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({4 * channels})));
  reduction =
      register_module("reduction", torch::nn::Linear(torch::nn::LinearOptions(4 * channels, 2 * channels).bias(false)));
  initialise_linear(reduction);
}

torch::Tensor PatchMergeImpl::forward(const torch::Tensor& x) {
  const int64_t b = x.size(0), z = x.size(1), p = x.size(2), c = x.size(3);
  if (children_) return reduction(norm(children_->gather(x, 2).view({b, z, children_->num_coarse(), 4 * c})));
  if (p % 4 != 0)
    throw ShapeError("SizeMismatch", "sphere.attention",
                     {.what = fmt::format("merge of {} pixels", p), .expected = "a multiple of 4"});
  return reduction(norm(x.reshape({b, z, p / 4, 4 * c})));
}

PatchExpandImpl::PatchExpandImpl(int64_t channels, bool output_linear, ChildMapPtr children)
    : children_(std::move(children)) {
  expand = register_module("expand", torch::nn::Linear(torch::nn::LinearOptions(channels, 2 * channels).bias(false)));
  norm = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({channels / 2})));
  initialise_linear(expand);
  if (output_linear) {
    linear =
        register_module("linear", torch::nn::Linear(torch::nn::LinearOptions(channels / 2, channels / 2).bias(false)));
    initialise_linear(linear);
  }
}

torch::Tensor PatchExpandImpl::forward(const torch::Tensor& x) {
  const int64_t b = x.size(0), z = x.size(1), p = x.size(2), c = x.size(3);
  auto y = expand(x).view({b, z, 4 * p, c / 2});
  if (children_) y = children_->scatter(y, 2);
  y = norm(y);
  return linear.is_empty() ? y : linear(y);
}

}  // namespace pear::sphere
