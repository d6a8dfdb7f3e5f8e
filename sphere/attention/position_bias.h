// Learned position bias of window attention: one table and one index, shared by windows of one type.
#pragma once

#include <torch/nn/module.h>
#include <torch/types.h>

#include <cstdint>
#include <string>

namespace pear::sphere {

/// none: no bias. single: a free [N, N] matrix per head, shared by all windows. flat: relative position on a square
/// nested window. earth_specific: absolute in stack and latitude, relative in longitude (w_z x w_lat x w_lon).
enum class BiasKind { None, Single, Flat, EarthSpecific };

struct BiasShape {
  BiasKind kind = BiasKind::Single;
  int64_t heads = 1;
  int64_t window_tokens = 1;
  int64_t num_types = 1;
  int64_t w_z = 1, w_lat = 1, w_lon = 1;  ///< only for EarthSpecific
};

/// Index [N, N] -> R of a kind that has one; undefined for None and Single (there R = N * N).
/// Source: sphere-core design section 5; HEAL-SWIN (flat), Pangu-Weather (earth_specific).
torch::Tensor bias_index(const BiasShape& shape);
/// Number of table entries R per type and head.
int64_t bias_table_length(const BiasShape& shape);

/// bias[w, h, i, j] = table[type[w], h, index[i, j]].
class PositionBiasImpl : public torch::nn::Module {
 public:
  explicit PositionBiasImpl(const BiasShape& shape);
  /// [T, H, N, N]; undefined for BiasKind::None.
  torch::Tensor forward() const;
  /// int64 [N, N] -> R; undefined = i N + j.
  const torch::Tensor& index() const { return index_; }
  torch::Tensor table;  ///< [T, H, R]; undefined for BiasKind::None

 private:
  BiasShape shape_;
  torch::Tensor index_;
};
TORCH_MODULE(PositionBias);

}  // namespace pear::sphere
