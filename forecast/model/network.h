// A trainable map from one normalised state to another.
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "forecast/model/domain_part.h"
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
  /// Shapes: surface [B, Vs, P], upper [B, Vu, L, P] -> the same; undefined where the layout has no variables. P are
  ///         the cells of its part, which is the whole grid of the layout unless it was made for another.
  virtual State forward(const State& normalised) = 0;
  virtual PublishedStyle published_style() const { return {}; }
  /// Stages whose inner values the backward pass computes again instead of keeping them; the gradients stay the same.
  virtual void set_checkpointed_stages(const std::vector<int64_t>& stages) = 0;
  const StateLayout& layout() const { return layout_; }
  int64_t num_parameters() const;

 private:
  StateLayout layout_;
};

/// A network for a part has the weights of the whole and is called together with those of the other parts.
/// Errors: ConfigError `UnknownModel` listing the known networks, and what the network says about grid and sizes; those
///         of require_parts.
std::shared_ptr<Network> make_network(const ModelConfig& config, const StateLayout& layout,
                                      const DomainPart& part = {});

/// Errors: ConfigError `BadDomain` if a network cannot be cut into that many parts: not on nested HEALPix, a number
/// that
///         does not divide the windows of the coarse stages (the message lists those that do), dropout.
void require_parts(const ModelConfig& config, const StateLayout& layout, int64_t num_parts);

}  // namespace pear::forecast
