// Exact GELU over rows of a hidden layer, with the layer's bias; compiled for several instruction sets.
#pragma once

#include <cstdint>

#include "sphere/attention/attention_views.h"
#include "sphere/attention/dropout_mask.h"

namespace pear::sphere {

/// A matrix [rows, width] without its bias [width] (null: none).
template <class T>
struct HiddenRows {
  const T* values = nullptr;
  const T* bias = nullptr;
  int64_t rows = 0, width = 0;
  DropoutMask mask = {};  ///< of the result
  int64_t first = 0;      ///< the first row's number for the mask
};

/// x Phi(x) of every x = value + bias, Phi the normal distribution function to 7e-7 of itself. `result` may be
/// `values`. Source:  Hendrycks and Gimpel 2016 (arXiv 1606.08415), the form with the error function.
void gelu(const HiddenRows<float>& hidden, float* result);
void gelu(const HiddenRows<Bfloat16>& hidden, Bfloat16* result);

/// Everything that the backward pass needs, from the hidden layer and the gradient of the result: the result again,
/// `grad` times mask and derivative, and the latter added up over the rows. `result` may be `values`.
template <class T>
struct GeluBackward {
  const T* grad = nullptr;    ///< [rows, width]
  T* result = nullptr;        ///< [rows, width]
  T* grad_hidden = nullptr;   ///< [rows, width]; may be `grad`
  float* bias_sum = nullptr;  ///< [width], added to
};
void gelu_backward(const HiddenRows<float>& hidden, const GeluBackward<float>& view);
void gelu_backward(const HiddenRows<Bfloat16>& hidden, const GeluBackward<Bfloat16>& view);

}  // namespace pear::sphere
