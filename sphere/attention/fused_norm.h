// LayerNorm and residual in one pass over rows of tokens.
#pragma once

#include <torch/nn/modules/normalization.h>
#include <torch/types.h>

namespace pear::sphere {

/// x + f LN(y), LN over the last dimension with learned weight and bias, f a factor of each sample (undefined: 1). In
/// one pass on the CPU in float32 or bfloat16 (x and y of one type), else by several operations.
///
/// Shapes:  x, y [B, ..., C] -> the same; factors [B], float32. Differentiable in x, y and the parameters of `norm`.
/// Cost:    keeps y only; statistics are computed again. The bits do not depend on the number of threads.
torch::Tensor add_norm(const torch::Tensor& x, const torch::Tensor& y, torch::nn::LayerNormImpl& norm,
                       const torch::Tensor& factors = {});

}  // namespace pear::sphere
