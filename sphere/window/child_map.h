// Which cells of a finer list belong to each cell of a coarser one: merging tokens, or cutting a grid into patches.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>

namespace pear::sphere {

/// Immutable. K children per coarse cell; nested grids need none of it (there children are consecutive).
///
/// Errors:  ShapeError `BadChildMap` unless every fine cell occurs exactly once among the non-negative children.
class ChildMap {
 public:
  /// children int64 [P_coarse, K], -1 = zero child; num_fine = P_fine.
  ChildMap(torch::Tensor children, int64_t num_fine);

  int64_t num_fine() const { return num_fine_; }
  int64_t num_coarse() const { return children_.size(0); }
  int64_t num_children() const { return children_.size(1); }
  const torch::Tensor& children() const { return children_; }

  /// [.., P_fine, ..] -> [.., P_coarse * K, ..] along `dim`, the children of one cell side by side, zeros for -1.
  /// Errors: ShapeError `SizeMismatch`.
  torch::Tensor gather(const torch::Tensor& x, int64_t dim) const;
  /// Inverse of `gather`; zero children are dropped.
  torch::Tensor scatter(const torch::Tensor& x, int64_t dim) const;

 private:
  torch::Tensor children_;
  int64_t num_fine_;
  bool has_zero_children_ = false;
  torch::Tensor gather_index_;   ///< int64 [P_coarse * K] into P_fine (+ 1 for the zero child)
  torch::Tensor scatter_index_;  ///< int64 [P_fine] into P_coarse * K
};

using ChildMapPtr = std::shared_ptr<const ChildMap>;

}  // namespace pear::sphere
