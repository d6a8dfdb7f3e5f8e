// Floating-point operations of a network's matrix products, counted from its parameters.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <map>
#include <string>

namespace pear::benchmarks {

struct WindowCount {
  int64_t windows = 0, tokens = 0;  ///< tokens of a window; zero tokens that fill windows count
};

/// By the start of parameter names; the longest that fits counts.
struct Extents {
  std::map<std::string, int64_t> rows;         ///< rows that a weight is multiplied with
  std::map<std::string, WindowCount> windows;  ///< of the attention
};

/// 1e-9 of 2 rows x elements of every weight with two or more axes, plus scores and weighted sums of every attention.
/// Norms, softmax and activations are left out.
double products_gflop(const torch::nn::Module& network, const Extents& extents);

}  // namespace pear::benchmarks
