// Dropout whose mask is computed, not stored.
#pragma once

#include <torch/types.h>

#include "sphere/attention/dropout_mask.h"

namespace pear::sphere {

/// A mask with a seed of the default generator of the CPU: the n-th draw after torch::manual_seed is the same in every
/// run, and a recomputation that restores the generator draws it again. Nothing is drawn for probability 0.
DropoutMask draw_mask(double probability);

/// x with values dropped with this probability, the others divided by what remains; rows are those of the last
/// dimension. In one pass over float32 and bfloat16 on the CPU, else by at::dropout.
///
/// Shapes:  x [..., C] -> the same; differentiable.
/// Source:  Srivastava et al. 2014 (JMLR 15), inverted.
/// Cost:    keeps nothing for the backward pass. The bits do not depend on the number of threads.
torch::Tensor fused_dropout(const torch::Tensor& x, double probability);

}  // namespace pear::sphere
