// Borders between plain arrays and tensors: no copy.
#pragma once

#include <torch/types.h>

#include "base/array.h"

namespace pear {

/// float32 / float64 tensor over the array's memory; the array must outlive the tensor.
inline torch::Tensor wrap(Array<float>& a) { return torch::from_blob(a.data(), a.shape(), torch::kFloat32); }
inline torch::Tensor wrap(Array<double>& a) { return torch::from_blob(a.data(), a.shape(), torch::kFloat64); }

}  // namespace pear
