// Tensor names and shapes of the published PyTorch program <-> ours.
#pragma once

#include <torch/types.h>

#include <map>
#include <string>

#include "forecast/model/network.h"

namespace pear::forecast {

/// Published name of one of our parameters. PEAR: `….attn.position_bias.table` is `….attn.earth_position_bias`, all
/// other names are the same. The baseline: patchembed2d, patchembed3d, layer{1-4}, downsample.linear,
/// upsample.linear{1,2}, patchrecovery2d, patchrecovery3d, and `….attn.earth_position_bias_table`.
std::string published_name(const std::string& name, const PublishedStyle& style = {});

/// True if the tensors carry published names (an `earth_position_bias` or `earth_position_bias_table` occurs).
bool has_published_names(const std::map<std::string, torch::Tensor>& tensors);

/// Parameters under their published names and shapes (position bias [1, H, N, N] or [R, T, H]).
std::map<std::string, torch::Tensor> export_published(const Network& network);

/// Copies tensors into the network; accepts published and our own names.
/// Errors: DataError `WeightMismatch` listing every missing, surplus and misshapen tensor at once.
void import_weights(Network& network, const std::map<std::string, torch::Tensor>& tensors, const std::string& source);

}  // namespace pear::forecast
