#include "sphere/attention/initialise.h"

namespace pear::sphere {

void trunc_normal(torch::Tensor parameter) {
  constexpr double kStddev = 0.02, kCut = 2.0;  // the cut lies 100 standard deviations out: clamping is the same law
  const torch::NoGradGuard no_grad;
  parameter.normal_(0.0, kStddev).clamp_(-kCut, kCut);
}

void initialise_linear(torch::nn::Linear& linear) {
  const torch::NoGradGuard no_grad;
  trunc_normal(linear->weight);
  if (linear->bias.defined()) linear->bias.zero_();
}

}  // namespace pear::sphere
