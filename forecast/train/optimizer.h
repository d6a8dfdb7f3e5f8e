// Adam and AdamW on the flat parameter buffer.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "forecast/train/bucket_plan.h"
#include "forecast/train/flat_parameters.h"
#include "forecast/train/train_config.h"

namespace pear::forecast {

/// Elementwise, so that a shard of the buffer can be updated alone.
///
///   g  <- g + wd p                (adam)        p <- p (1 - lr wd)      (adamw)
///   m  <- b1 m + (1 - b1) g;      v <- b2 v + (1 - b2) g^2
///   p  <- p - lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)
///
/// Source:  Kingma and Ba 2015; Loshchilov and Hutter 2019. Decay acts on every parameter by default (PEAR);
///          `decay_all: false` spares tensors with one dim (biases, norms) and position biases.
/// Shapes:  all buffers [n] as FlatParameters.
class Optimizer {
 public:
  Optimizer(const TrainConfig& config, const FlatParameters& parameters);

  /// One update with learning rate `lr` and the gradient of `parameters`.
  void step(const FlatParameters& parameters, double lr);

  /// Keeps moments of these parts of the buffer only, one behind the other; `step` then updates only them.
  void keep_only(const std::vector<FlatRange>& shards);

  int64_t num_updates() const { return num_updates_; }
  void set_num_updates(int64_t n) { num_updates_ = n; }
  /// First and second moments (of the shards); writable, for checkpoints.
  const torch::Tensor& first_moment() const { return m_; }
  const torch::Tensor& second_moment() const { return v_; }

 private:
  /// p, g, m, v and the decay mask (or nothing) of one part of the buffer.
  void update(torch::Tensor p, torch::Tensor g, torch::Tensor m, torch::Tensor v, const torch::Tensor& mask,
              double lr) const;

  bool decoupled_;
  double beta1_, beta2_, eps_, weight_decay_;
  int64_t num_updates_ = 0;
  std::vector<FlatRange> shards_;  ///< empty: the whole buffer
  torch::Tensor m_, v_;
  torch::Tensor decay_mask_;  ///< 1 where decay acts; undefined if it acts everywhere
};

}  // namespace pear::forecast
