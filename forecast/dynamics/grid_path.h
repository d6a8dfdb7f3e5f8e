// Fused loops or tensor operations: which of the two a computation takes.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <initializer_list>

namespace pear::forecast {

/// How the work between the transforms is done: fused loops (CPU, no gradients), or tensor operations (any device,
/// differentiable; the oracle of the loops). Automatic takes the loops where it can.
enum class GridPath { Automatic, Fused, Tensor };

/// Whether the loops are taken for these arguments (undefined ones do not matter).
///
/// Errors:  ConfigError `FusedPath` if Fused is asked for where it cannot be: not on a CPU, autograd records, neither
///          float32 nor float64, or more layers than kMaxFusedLayers.
bool takes_loops(GridPath path, int64_t num_layers, std::initializer_list<torch::Tensor> arguments);

}  // namespace pear::forecast
