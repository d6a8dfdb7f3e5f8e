// Sums over orders and over longitudes: by a matrix, by the same matrix folded, or by FFT.
#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>

#include "sphere/harmonics/transform_options.h"

namespace pear::sphere {

/// Shapes:  orders [N+1, 2, R] (re, im); columns [R, num_columns], R any number of rows.
/// The folded matrix uses that cos(m lambda) and sin(m lambda) of even and odd orders are even or odd about 0 and
/// pi / 2: four products of a quarter of the size, and one pass that adds them. It needs num_columns to be a multiple
/// of 4, a CPU, and is not differentiated: otherwise the whole matrix is taken.
class FourierSums {
 public:
  FourierSums() = default;
  explicit FourierSums(const HarmonicsOptions& options);

  torch::Tensor columns_from_orders(const torch::Tensor& orders) const;
  torch::Tensor orders_from_columns(const torch::Tensor& columns) const;

 private:
  torch::Tensor unfolded_columns(const torch::Tensor& orders) const;
  torch::Tensor folded_orders(const torch::Tensor& columns) const;

  int64_t num_orders_ = 0, num_columns_ = 0;
  bool use_fft_ = false, can_fold_ = false;
  torch::Tensor to_columns_, to_orders_;  ///< [2 (N+1), num_columns]
  /// Folded: cos of even and odd orders, sin of even and odd orders, [orders of that parity, longitudes
  /// as in fold.h].
  std::array<torch::Tensor, 4> quarter_to_columns_, quarter_to_orders_;
};

}  // namespace pear::sphere
