// Linear, exact GELU, Linear over rows of tokens, without keeping the hidden layer.
#pragma once

#include <torch/types.h>

namespace pear::sphere {

struct MlpWeights {
  torch::Tensor w1, b1;  ///< [H, C], [H]
  torch::Tensor w2, b2;  ///< [C, H], [C]
};

/// Linear, GELU, dropout, Linear, dropout (both of probability `dropout`; 0: none).
///
/// Chunks of rows pass through both products while they are in a cache; the backward pass computes hidden layer
/// and the masks again, so that a step keeps x only: a sixth more products against two thirds less memory.
///
/// Shapes:  x [..., C] -> the same, in float32, or in bfloat16 under autocast; differentiable in all five tensors.
/// Cost:    memory O(rows C) and one chunk per thread. The bits do not depend on the number of threads.
/// Pre:     fused_type(x) has a value.
torch::Tensor fused_mlp(const torch::Tensor& x, const MlpWeights& weights, double dropout = 0);

}  // namespace pear::sphere
