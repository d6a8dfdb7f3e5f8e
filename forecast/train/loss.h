// The training loss on normalised fields.
#pragma once

#include <torch/types.h>

#include "forecast/state/state.h"
#include "forecast/train/train_config.h"

namespace pear::forecast {

/// loss = mean over (upper variable, level) of w_c E_c + surface_weight * mean over (surface variable) of w_c E_c,
/// with E_c the mean over batch and pixels of |e|, e^2 or huber(e), of pixels as they count or by their area. An empty
/// set contributes nothing. w_c is the product of a factor by name (train.loss.weights, else the preset, else 1) and,
/// for upper air, one by level (weights_by_level, else p / mean p with level_weights: pressure, else 1), so the default
/// is PEAR's `mean |upper| + 0.25 mean |surface|`.
///
/// Source:  the preset `pangu` is that of the open Pangu-Weather ports (design pear-model.md section 5).
/// Shapes:  State with any batch size B -> float64 scalar with gradient.
/// Units:   normalised fields (standard deviations).
/// Errors:  ConfigError `UnknownLossWeight` if a name is neither a variable nor a channel, or a level not one of the
///          layout; ShapeError `SizeMismatch`.
class Loss {
 public:
  Loss(const LossConfig& config, const StateLayout& layout, const torch::Device& device);

  struct Value {
    torch::Tensor total;        ///< float64 scalar
    torch::Tensor per_channel;  ///< E_c without weights, float64 [channels] in layout order, detached
  };
  Value operator()(const State& prediction, const State& target) const;

 private:
  torch::Tensor channel_error(const torch::Tensor& prediction, const torch::Tensor& target) const;
  LossConfig config_;
  StateLayout layout_;
  torch::Tensor surface_weights_, upper_weights_;  ///< float64 [Vs], [Vu, L]
  torch::Tensor cell_weights_;                     ///< float32 [P] with mean 1; undefined where all cells count alike
};

}  // namespace pear::forecast
