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

void Optimizer::keep_only(const std::vector<FlatRange>& shards) {
  shards_ = shards;
  m_ = joined(m_, shards);
  v_ = joined(v_, shards);
  if (decay_mask_.defined()) decay_mask_ = joined(decay_mask_, shards);
}

void Optimizer::step(const FlatParameters& parameters, double lr) {
  torch::NoGradGuard no_grad;
  ++num_updates_;
  if (shards_.empty()) return update(parameters.values(), parameters.gradient(), m_, v_, decay_mask_, lr);
  int64_t offset = 0;
  for (const auto& [first, length] : shards_) {
    const auto mask = decay_mask_.defined() ? decay_mask_.narrow(0, offset, length) : decay_mask_;
    update(parameters.values().narrow(0, first, length), parameters.gradient().narrow(0, first, length),
           m_.narrow(0, offset, length), v_.narrow(0, offset, length), mask, lr);
    offset += length;
  }
}

void Optimizer::update(torch::Tensor p, torch::Tensor g, torch::Tensor m, torch::Tensor v, const torch::Tensor& mask,
                       double lr) const {
  if (weight_decay_ > 0) {
    if (!decoupled_)
      g = g.add(mask.defined() ? p * mask : p, weight_decay_);
    else if (mask.defined())
      p.addcmul_(p, mask, -lr * weight_decay_);
    else
      p.mul_(1.0 - lr * weight_decay_);
  }
  m.mul_(beta1_).add_(g, 1.0 - beta1_);
  v.mul_(beta2_).addcmul_(g, g, 1.0 - beta2_);
  const double t = static_cast<double>(num_updates_);
  const double bias1 = 1.0 - std::pow(beta1_, t), bias2 = 1.0 - std::pow(beta2_, t);
  const auto denominator = v.sqrt().div_(std::sqrt(bias2)).add_(eps_);
  p.addcdiv_(m, denominator, -lr / bias1);
}

}  // namespace pear::forecast
