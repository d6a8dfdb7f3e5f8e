// A trainable map from one normalised state to another.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "forecast/model/model_config.h"
#include "forecast/state/state.h"

namespace pear::forecast {

/// Which published program's tensor names a network's weights go by (published_names.h).
struct PublishedStyle {
  bool has_baseline_names = false;  ///< of the Pangu-type baseline, else of PEAR
  bool has_typed_bias = false;      ///< earth-specific position bias [R, T, H], else [1, H, N, N]
};

class Network : public torch::nn::Module {
 public:
  explicit Network(StateLayout layout) : layout_(std::move(layout)) {}
  /// Shapes: surface [B, Vs, P], upper [B, Vu, L, P] -> the same; undefined where the layout has no variables.
  virtual State forward(const State& normalised) = 0;
  virtual PublishedStyle published_style() const { return {}; }
  /// Stages whose inner values the backward pass computes again instead of keeping them; the gradients stay the same.
  virtual void set_checkpointed_stages(const std::vector<int64_t>& stages) = 0;
  const StateLayout& layout() const { return layout_; }
  int64_t num_parameters() const;

 private:
  StateLayout layout_;
};

/// Errors: ConfigError `UnknownModel` listing the known networks, and what the network says about grid and sizes.
std::shared_ptr<Network> make_network(const ModelConfig& config, const StateLayout& layout);

}  // namespace pear::forecast
