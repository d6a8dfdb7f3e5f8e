#include "forecast/train/optimizer.h"

#include <cmath>

namespace pear::forecast {

Optimizer::Optimizer(const TrainConfig& config, const FlatParameters& parameters)
    : decoupled_(config.optimizer == "adamw"),
      beta1_(config.betas.at(0)),
      beta2_(config.betas.at(1)),
      eps_(config.eps),
      weight_decay_(config.weight_decay),
      m_(parameters.make_buffer()),
      v_(parameters.make_buffer()) {
  if (config.decay_all) return;
  decay_mask_ = parameters.make_buffer();
  for (const auto& entry : parameters.entries()) {
    const bool spared = entry.shape.size() < 2 || entry.name.find("position_bias") != std::string::npos;
    if (!spared) decay_mask_.narrow(0, entry.offset, entry.size).fill_(1);
  }
}

void Optimizer::step(const FlatParameters& parameters, double lr) {
  torch::NoGradGuard no_grad;
  torch::Tensor p = parameters.values();
  torch::Tensor g = parameters.gradient();
  ++num_updates_;
  if (weight_decay_ > 0) {
    if (!decoupled_)
      g = g.add(decay_mask_.defined() ? p * decay_mask_ : p, weight_decay_);
    else if (decay_mask_.defined())
      p.addcmul_(p, decay_mask_, -lr * weight_decay_);
    else
      p.mul_(1.0 - lr * weight_decay_);
  }
  m_.mul_(beta1_).add_(g, 1.0 - beta1_);
  v_.mul_(beta2_).addcmul_(g, g, 1.0 - beta2_);
  const double t = static_cast<double>(num_updates_);
  const double bias1 = 1.0 - std::pow(beta1_, t), bias2 = 1.0 - std::pow(beta2_, t);
  const auto denominator = v_.sqrt().div_(std::sqrt(bias2)).add_(eps_);
  p.addcdiv_(m_, denominator, -lr / bias1);
}

}  // namespace pear::forecast
