// Refusals of options and shapes.
#pragma once

#include <torch/types.h>

#include "sphere/harmonics/transform.h"

namespace pear::sphere {

/// Errors: ConfigError `BadTruncation`, `UnsupportedDtype`; `UnknownGrid` for rows without exact quadrature.
void check_options(const HarmonicsOptions& options);

/// Errors: ShapeError `SizeMismatch` unless [truncation + 1, 2, D..., truncation + 2].
void check_spectral_shape(const torch::Tensor& spectral, int64_t truncation, const char* function);

/// Errors: ShapeError `SizeMismatch` unless the tensor ends in these extents.
void check_last_dims(const torch::Tensor& tensor, at::IntArrayRef extents, const char* function);

/// Errors: ShapeError `WrongDtype`.
void check_dtype(const torch::Tensor& tensor, torch::Dtype dtype, const char* function);

}  // namespace pear::sphere
