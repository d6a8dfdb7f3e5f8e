// Networks with random weights and states to feed them.
#pragma once

#include <memory>
#include <vector>

#include "forecast/model/model_config.h"
#include "forecast/state/state.h"
#include "tests/sphere/attention/examples.h"

namespace pear::forecast::testing {

inline const std::vector<double> kLevels{1000, 925, 850, 700, 600, 500, 400, 300, 250, 200, 150, 100, 50};

inline State random_state(const StateLayout& l, int64_t batch = 1) {
  const int64_t p = l.grid.num_cells();
  const auto options = sphere::testing::float64();
  State x;
  if (l.num_surface() > 0) x.surface = torch::randn({batch, l.num_surface(), p}, options);
  if (l.num_upper() > 0) x.upper = torch::randn({batch, l.num_upper(), l.num_levels(), p}, options);
  return x;
}

template <class Net>
std::shared_ptr<Net> random_network(const ModelConfig& config, const StateLayout& l) {
  torch::manual_seed(31);
  auto net = std::make_shared<Net>(config, l);
  sphere::testing::randomise(*net, 0.2);
  net->eval();
  return net;
}

}  // namespace pear::forecast::testing
