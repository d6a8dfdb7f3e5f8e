// Initial values of parameters.
#pragma once

#include <torch/types.h>

#include "torch/nn/modules/linear.h"

namespace pear::sphere {

/// Normal with standard deviation 0.02 cut at +-2 (absolute), as PEAR and HEAL-SWIN initialise linear weights.
void trunc_normal(torch::Tensor parameter);

/// Weight by `trunc_normal`, bias zero.
void initialise_linear(torch::nn::Linear& linear);

}  // namespace pear::sphere
