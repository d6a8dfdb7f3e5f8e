// How tokens on the sphere are cut into attention windows: index lists and region labels, nothing else.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "sphere/window/token_exchange.h"

namespace pear::sphere {

/// Windows that share one mask; a contiguous range of the internal window order.
struct MaskGroup {
  int64_t first = 0, count = 0;
  torch::Tensor mask;  ///< bool [N, N], true where two tokens must not see each other; undefined = no mask
};

/// Immutable; one per (grid, window, shift).
///
/// Shapes:  accepts x [B, Z, P, C]; windows are W = W_z * W_p of N = N_z * N_p tokens, published order
///          w = w_z * W_p + w_p, token order i = i_z * N_p + i_p (stack-major).
/// Source:  HEAL-SWIN (CVPR 2024), PEAR (arXiv 2505.17720); shift and window are one gather.
/// Errors:  ShapeError unless every (z, p) occurs exactly once among the non-negative sources.
class WindowPartition {
 public:
  struct Lists {
    int64_t num_stack = 1, num_pixels = 0;
    torch::Tensor pixel_source;  ///< int64 [W_p, N_p]: source pixel of each slot; -1 = zero token
    torch::Tensor pixel_label;   ///< int32 [W_p, N_p]; undefined = no mask
    torch::Tensor stack_source;  ///< int64 [W_z, N_z]
    torch::Tensor stack_label;   ///< int32 [W_z, N_z]; undefined = no mask
    torch::Tensor bias_type;     ///< int64 [W], values 0..T-1; undefined = one type
    /// Where this is a part whose windows also hold tokens of others: what brings them before, and back after.
    std::shared_ptr<const TokenExchange> exchange;
  };
  explicit WindowPartition(Lists lists);

  const Lists& lists() const { return lists_; }
  int64_t num_windows() const { return num_windows_; }
  int64_t window_tokens() const { return window_tokens_; }

  /// x [B, Z, P, C] -> [B, W, N, C] in the internal window order (`window_order`), zeros for missing sources.
  torch::Tensor gather(const torch::Tensor& x) const;
  /// Inverse of `gather`; zero tokens are dropped. [B, W, N, C] -> [B, Z, P, C].
  torch::Tensor scatter(const torch::Tensor& windows) const;

  /// Windows in internal order, grouped by mask: the unmasked group first.
  const std::vector<MaskGroup>& groups() const { return groups_; }
  /// Published window index of each internal window [W].
  const std::vector<int64_t>& window_order() const { return window_order_; }
  /// Bias type of each internal window [W]; undefined = one type.
  const torch::Tensor& ordered_bias_type() const { return ordered_bias_type_; }
  /// Token z * P + p of each slot of each internal window, int64 [W N]; Z * P = zero token.
  const torch::Tensor& gather_index() const { return gather_index_; }
  bool has_zero_tokens() const { return has_zero_tokens_; }
  /// Blocked pairs of window w (published order): bool [N, N]; undefined if every pair may see each other.
  torch::Tensor mask_of(int64_t window) const;

 private:
  void check() const;
  void order_windows();
  void build_indices();

  Lists lists_;
  int64_t num_windows_ = 0, window_tokens_ = 0;
  bool is_identity_ = false;  ///< windows are plain blocks: views instead of gathers
  bool has_zero_tokens_ = false;
  std::vector<int64_t> window_order_;
  std::vector<MaskGroup> groups_;
  torch::Tensor ordered_bias_type_;
  torch::Tensor gather_index_;   ///< int64 [W * N] into Z * P (+ 1 for the zero token)
  torch::Tensor scatter_index_;  ///< int64 [Z * P] into W * N
};

using PartitionPtr = std::shared_ptr<const WindowPartition>;

}  // namespace pear::sphere
