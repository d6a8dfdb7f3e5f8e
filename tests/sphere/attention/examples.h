// Small partitions, random parameters and quarter turns for the tests of attention.
#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <vector>

#include "sphere/window/window_partition.h"

namespace pear::sphere::testing {

inline torch::TensorOptions float64() { return torch::dtype(torch::kFloat64); }

/// All parameters drawn anew, so that none is zero or negligible; float64.
inline void randomise(torch::nn::Module& module, double scale = 0.4) {
  module.to(torch::kFloat64);
  const torch::NoGradGuard no_grad;
  for (auto& p : module.parameters()) p.normal_(0.0, scale);
}

/// Four rows of three columns and a pad column of zero tokens, both axes rolled by one, windows of 2 x 2 tokens and
/// two of four stack slots; regions as where rows wrap around; one bias type per stack window and window row.
inline WindowPartition::Lists padded_rows() {
  constexpr int64_t kRows = 4, kColumns = 4, kReal = 3;
  std::vector<int64_t> source, type;
  std::vector<int32_t> label;
  for (int64_t window = 0; window < 4; ++window)
    for (int64_t token = 0; token < 4; ++token) {
      const int64_t a = window / 2 * 2 + token / 2, b = window % 2 * 2 + token % 2;
      const int64_t row = (a + 1) % kRows, column = (b + 1) % kColumns;
      source.push_back(column < kReal ? row * kReal + column : -1);
      label.push_back(a < kRows - 2 ? 0 : a < kRows - 1 ? 1 : 2);
    }
  for (int64_t z = 0; z < 2; ++z)
    for (int64_t window = 0; window < 4; ++window) type.push_back(z * 2 + window / 2);
  WindowPartition::Lists lists;
  lists.num_stack = 4;
  lists.num_pixels = kRows * kReal;
  lists.pixel_source = torch::tensor(source, torch::kInt64).view({4, 4});
  lists.pixel_label = torch::tensor(label, torch::kInt32).view({4, 4});
  lists.stack_source = torch::tensor({1, 2, 3, 0}, torch::kInt64).view({2, 2});
  lists.stack_label = torch::tensor({0, 0, 0, 1}, torch::kInt32).view({2, 2});
  lists.bias_type = torch::tensor(type, torch::kInt64);
  return lists;
}

/// Two windows of 25 tokens, which fill neither whole vectors nor pairs; no stack, no mask.
inline WindowPartition::Lists odd_windows() {
  WindowPartition::Lists lists;
  lists.num_stack = 1;
  lists.num_pixels = 50;
  lists.pixel_source = torch::arange(50, torch::kInt64).flip(0).view({2, 25});
  lists.stack_source = torch::zeros({1, 1}, torch::kInt64);
  lists.bias_type = torch::zeros({2}, torch::kInt64);
  return lists;
}

/// [P] destination of every nested pixel under the turn by 90 degrees: face f -> 4 (f / 4) + (f + 1) mod 4.
inline torch::Tensor quarter_turn(int64_t nside) {
  const int64_t face = nside * nside;
  std::vector<int64_t> to;
  for (int64_t p = 0; p < 12 * face; ++p) {
    const int64_t f = p / face;
    to.push_back((4 * (f / 4) + (f + 1) % 4) * face + p % face);
  }
  return torch::tensor(to, torch::kInt64);
}

/// x[..., p, C] moved to y[..., turn(p), C].
inline torch::Tensor turned(const torch::Tensor& x, int64_t nside) {
  auto y = torch::empty_like(x);
  y.index_copy_(2, quarter_turn(nside), x);
  return y;
}

inline double largest_difference(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace pear::sphere::testing
