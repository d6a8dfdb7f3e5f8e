// LayerNorm over rows, with the residual added in the same pass; compiled for several instruction sets.
#pragma once

#include <cstdint>

#include "sphere/attention/attention_views.h"

namespace pear::sphere {

/// Rows y [rows, width] and what they are normalised with; statistics are in float32.
template <class T>
struct NormRows {
  const T* y = nullptr;
  const float* weight = nullptr;  ///< [width]
  const float* bias = nullptr;    ///< [width]
  int64_t rows = 0, width = 0;
  float eps = 1e-5F;
  const float* factors = nullptr;  ///< null: 1; else row r is multiplied by factors[(first + r) / rows_per_factor]
  int64_t first = 0, rows_per_factor = 1;

  float factor(int64_t r) const { return factors == nullptr ? 1.0F : factors[(first + r) / rows_per_factor]; }
};

/// result = residual + factor ((y - mean) / sqrt(var + eps) * weight + bias).
void add_norm(const NormRows<float>& rows, const float* residual, float* result);
void add_norm(const NormRows<Bfloat16>& rows, const Bfloat16* residual, Bfloat16* result);

template <class T>
struct NormBackward {
  const T* grad = nullptr;      ///< [rows, width], of the result
  T* grad_y = nullptr;          ///< [rows, width]
  float* weight_sum = nullptr;  ///< [width], added to
  float* bias_sum = nullptr;    ///< [width], added to
};
void norm_backward(const NormRows<float>& rows, const NormBackward<float>& view);
void norm_backward(const NormRows<Bfloat16>& rows, const NormBackward<Bfloat16>& view);

}  // namespace pear::sphere
