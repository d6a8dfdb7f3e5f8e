// PEAR: a Pangu-type window transformer whose grid is nested HEALPix.
#pragma once

#include "forecast/model/window_network.h"

namespace pear::forecast {

/// Extents that follow from a layout and a configuration.
struct PearExtents : StackExtents {
  int64_t nside = 0, token_nside = 0, token_pixels = 0;
};

/// Source:  arXiv 2505.17720, program PEAR-Weather 32e2f6c; pear-model design section 2.
/// Errors:  ConfigError `BadModelGrid` (not HEALPix nested, patch or stages do not divide nside), ShapeError.
PearExtents pear_extents(const ModelConfig& config, const StateLayout& layout);

/// Float32 bytes that the busiest of `num_parts` parts sends to others in one forward pass of one sample, by stage: a
/// shift and its way back in every odd block. A backward pass sends as many, and so does one that computes a stage
/// again. Errors:  as require_parts.
std::vector<int64_t> exchange_bytes(const ModelConfig& config, const StateLayout& layout, int64_t num_parts);

/// Parameters carry the published names (patch_embed, layers.{i}.blocks.{j}, downsample, norm, upsample, final_up);
/// only the position bias differs: attn.position_bias.table [1, H, N * N] (published_names.h).
class Pear : public WindowNetwork {
 public:
  /// For a part of the cells: call it together with the networks of the other parts.
  Pear(const ModelConfig& config, const StateLayout& layout, const DomainPart& part = {});
};

}  // namespace pear::forecast
