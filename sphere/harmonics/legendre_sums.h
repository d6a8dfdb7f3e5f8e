// Sums over degrees and over latitudes: batched products with tables of Legendre functions.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "sphere/harmonics/legendre.h"

namespace pear::sphere {

/// Shapes:  degrees [N+1, n, J]; rows [N+1, n, R] with R = 2 H rows of both hemispheres.
/// Cost:    (N+1) n J R multiply-adds, of which blocks of orders save 3/8: higher orders have fewer degrees.
/// The symmetry of the rows is not used: it would halve the multiplications, but the passes over the data that it adds
/// cost as much up to T63 (measured on a CPU), and North rows have none.
class LegendreSums {
 public:
  LegendreSums() = default;
  LegendreSums(int64_t truncation, const std::vector<TransformRow>& rows, torch::Dtype dtype, torch::Device device);

  torch::Tensor rows_from_degrees(const torch::Tensor& degrees) const;
  torch::Tensor degrees_from_rows(const torch::Tensor& rows) const;

 private:
  /// Consecutive orders with as many degrees as the lowest of them.
  struct Block {
    int64_t first = 0, count = 0, degrees = 0;
    torch::Tensor table;  ///< [count, degrees, R] or [count, R, degrees and padding]
  };

  int64_t num_degrees_ = 0;
  std::vector<Block> to_rows_, to_degrees_;
};

/// Whether autograd records what happens to the tensor: then no result may be written in place.
bool is_recorded(const torch::Tensor& x);

}  // namespace pear::sphere
