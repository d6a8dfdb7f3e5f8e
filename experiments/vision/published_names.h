// Tensor names and shapes of the published HEAL-SWIN program <-> ours.
#pragma once

#include <string>

#include "experiments/vision/heal_swin.h"
#include "sphere/attention/load_weights.h"

namespace pear::vision {

/// Published name of one of our parameters: `trunk.` and `head.` go, the decoder has its prefix,
/// `attn.log_scale` is `attn.logit_scale`, `attn.position_bias.table` is `attn.relative_position_bias_table`.
std::string published_name(const std::string& name);

/// Views of the parameters under their published names and shapes (logit_scale [H, 1, 1], bias table [R, H]).
sphere::NamedTensors export_published(const HealSwinImpl& network);

/// Copies tensors with published names into the network.
/// Errors: DataError `WeightMismatch` listing every missing, surplus and misshapen tensor.
void import_published(HealSwinImpl& network, const sphere::NamedTensors& tensors, const std::string& source);

/// A tensor of the shape of one of our parameters (its gradient, say) in the published shape.
torch::Tensor published_value(const std::string& name, const torch::Tensor& value);

}  // namespace pear::vision
