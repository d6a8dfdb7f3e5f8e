// LayerNorm and residual in one pass over rows of tokens.
#pragma once

#include <torch/nn/modules/normalization.h>
#include <torch/types.h>

namespace pear::sphere {

/// x + LN(y), LN over the last dimension with learned weight and bias. In one pass on the CPU in float32 or bfloat16
/// (x and y of one type), else by two operations.
///
/// Shapes:  x, y [..., C] -> the same; differentiable in x, y and the parameters of `norm`.
/// Cost:    keeps y only; statistics are computed again. The bits do not depend on the number of threads.
torch::Tensor add_norm(const torch::Tensor& x, const torch::Tensor& y, torch::nn::LayerNormImpl& norm);

}  // namespace pear::sphere
