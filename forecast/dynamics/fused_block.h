// Sizes of the blocks that the fused loops work on.
#pragma once

#include <cstdint>

namespace pear::forecast {

/// Neighbours in memory (longitudes, or degrees) that a loop takes together: rows of all layers stay in the first
/// cache.
constexpr int64_t kBlock = 64;
constexpr int64_t kMaxFusedLayers = 64;

/// A row of values per layer on the stack.
template <class T>
using LayerBlock = T[kMaxFusedLayers][kBlock];

}  // namespace pear::forecast
