// All parameters of a network in one flat buffer, all gradients in another.
#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "forecast/train/bucket_plan.h"

namespace pear::forecast {

/// Moves a module's parameters into one contiguous float32 buffer; the parameters become views of it.
///
/// Optimiser, averaging, clipping and (outside) gradient reduction then work on single tensors. The buffer is padded
/// with zeros to whole blocks of 4,096 elements, in which norms are summed, so that shards can begin at block borders.
/// Gradients are views too: backward adds into `gradient()`.
/// Errors:  ShapeError `NotFloat32` if a parameter has another type.
class FlatParameters {
 public:
  static constexpr int64_t kBlock = 4096;
  struct Entry {
    std::string name;
    int64_t offset, size;
    std::vector<int64_t> shape;
  };

  explicit FlatParameters(torch::nn::Module& module);

  const std::vector<Entry>& entries() const { return entries_; }
  int64_t num_parameters() const { return num_parameters_; }
  /// Both [padded size], float32.
  const torch::Tensor& values() const { return values_; }
  const torch::Tensor& gradient() const { return gradient_; }
  /// A zero buffer of the same extent (moments, averages).
  torch::Tensor make_buffer() const { return torch::zeros_like(values_); }
  /// The part of such a buffer that belongs to one parameter, in the parameter's shape (a view).
  static torch::Tensor view_of(const torch::Tensor& buffer, const Entry& entry);

 private:
  std::vector<Entry> entries_;
  int64_t num_parameters_ = 0;
  torch::Tensor values_, gradient_;
};

/// Parts of a flat buffer, copied one behind the other.
torch::Tensor joined(const torch::Tensor& flat, const std::vector<FlatRange>& parts);

/// Euclidean norm in float64: squares are added inside blocks of 4,096, then over the blocks.
/// Shapes: [n x 4096] flat.
double blocked_norm(const torch::Tensor& flat);

/// Sums of the squares in each block, float64.
/// Shapes: [n x 4096] flat -> [n].
torch::Tensor block_squares(const torch::Tensor& flat);

/// Scales `gradient` of the given norm down to the largest norm if that is positive and exceeded.
void scale_to_norm(const torch::Tensor& gradient, double norm, double max_norm);

/// Scales `gradient` down to the largest norm if that is positive and exceeded; returns the norm before.
/// The rule is that of Pascanu et al. 2013: g <- g * max_norm / |g|.
double clip_gradient(const torch::Tensor& gradient, double max_norm);

}  // namespace pear::forecast
