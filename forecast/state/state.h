// The state of the atmosphere as tensors, in physical units, on one grid.
#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "base/time.h"
#include "sphere/grid/grid.h"

namespace pear::forecast {

/// Which variables a state holds and in which order. Either list may be empty (not both).
struct StateLayout {
  sphere::Grid grid;
  std::vector<std::string> surface;  ///< canonical names, e.g. msl, u10, v10, t2m
  std::vector<std::string> upper;    ///< canonical names, e.g. z, q, t, u, v
  std::vector<double> levels_hpa;    ///< levels of every upper variable, index 0 nearest the ground
  int64_t num_surface() const { return static_cast<int64_t>(surface.size()); }
  int64_t num_upper() const { return static_cast<int64_t>(upper.size()); }
  int64_t num_levels() const { return static_cast<int64_t>(levels_hpa.size()); }
  /// surface + upper * levels
  int64_t num_channels() const { return num_surface() + num_upper() * num_levels(); }
  /// "msl", …, "z500", … in tensor order.
  std::vector<std::string> channel_names() const;
  bool operator==(const StateLayout&) const = default;
};

/// Shapes: surface [B, Vs, P], upper [B, Vu, L, P]; a tensor is undefined when its list is empty.
struct State {
  torch::Tensor surface, upper;
  /// [B, Vs + Vu L, P], channels as `channel_names()`.
  torch::Tensor channels() const;
  static State from_channels(const torch::Tensor& channels, const StateLayout& layout);
  State to(const torch::Device& device) const;
};

}  // namespace pear::forecast
