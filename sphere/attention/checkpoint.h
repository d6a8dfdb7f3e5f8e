// Memory for time: a function whose inner values the backward pass computes again.
#pragma once

#include <torch/types.h>

#include <functional>
#include <vector>

namespace pear::sphere {

/// `function(x)`, keeping only x for the backward pass.
///
/// The backward pass runs `function` again with the random numbers and the autocast state of the first time, so value
/// and gradients have the bits of a plain call. Without gradients it is a plain call.
///
/// `parameters`: every tensor with a gradient that `function` reads besides x; others would get none.
/// Shapes:  as `function`; the result is one tensor.
/// Errors:  those of `function`.
/// Source:  Chen et al. 2016 (arXiv 1604.06174).
/// Cost:    one more run of `function`; peak memory is that of its inner values once, not once per call.
torch::Tensor checkpointed(const std::function<torch::Tensor(const torch::Tensor&)>& function, const torch::Tensor& x,
                           const std::vector<torch::Tensor>& parameters);

}  // namespace pear::sphere
