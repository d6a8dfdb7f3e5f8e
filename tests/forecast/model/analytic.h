// Whole networks with analytic weights on analytic inputs, and their recorded sums.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "tests/forecast/model/golden.h"

namespace pear::forecast::testing {

constexpr double kDouble = 1e-9;  // the references carry eleven digits

/// The published variables and levels.
inline StateLayout full_layout(const std::string& grid) {
  return {sphere::Grid::from_spec(grid),
          {"msl", "u10", "v10", "t2m"},
          {"z", "q", "t", "u", "v"},
          {1000, 925, 850, 700, 600, 500, 400, 300, 250, 200, 150, 100, 50}};
}

inline void fill_analytically(Network& network) {
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& [name, value] : export_published(network)) {
    const bool gain = value.dim() == 1 && name.ends_with(".weight");
    tensors[name] = analytic_tensor(name, value.sizes(), 0.1, gain ? 1.0 : 0.0);
  }
  network.to(torch::kFloat64);
  import_weights(network, tensors, "analytic weights");
}

inline State analytic_state(const StateLayout& layout) {
  const int64_t p = layout.grid.num_cells();
  return {analytic_tensor("input_surface", {1, layout.num_surface(), p}, 2.0),
          analytic_tensor("input_upper", {1, layout.num_upper(), layout.num_levels(), p}, 2.0)};
}

inline void expect_sums(const std::string& what, const torch::Tensor& x, double sum, double squares) {
  const auto d = x.to(torch::kFloat64);
  // A sum cancels: its error is measured against the root of the sum of squares.
  EXPECT_NEAR(d.sum().item<double>(), sum, kDouble * std::max(std::abs(sum), std::sqrt(squares))) << what;
  EXPECT_NEAR(d.square().sum().item<double>(), squares, kDouble * squares) << what;
}

}  // namespace pear::forecast::testing
