// Encoder and decoder over several resolutions, with a skip across each of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sphere/attention/resample.h"
#include "sphere/attention/stage.h"

namespace pear::sphere {

/// Windows of one resolution, and the way to the next coarser one.
struct UShapeLevel {
  PartitionPtr plain, shifted;
  ChildMapPtr children;  ///< tokens of a coarser token; empty: four consecutive ones
};

struct UShapeOptions {
  BlockOptions block;  ///< channels of the finest level (doubled at each merge); heads and drop_path as below
  std::vector<int64_t> depths, heads;  ///< of each level, finest first
  double drop_path = 0;  ///< of the last encoder block, rising linearly from 0; the decoder repeats its level's values
};

/// Encoder stages with a merge between them, LayerNorm, expand, then up the levels: concatenate [x, skip],
/// Linear 2C -> C, stage, expand; LayerNorm. A skip is the input of the encoder stage of its level.
///
/// Shapes:  x [B, Z, P, C] -> the same; level i works on C * 2^i channels.
/// Source:  HEAL-SWIN (CVPR 2024), program b88af4c; sphere-core design section 7.
/// Errors:  ShapeError `BadLevels` unless there are at least two levels, as many depths and heads as levels, and
///          positive depths; what block, merge and partition say about extents.
/// Parameters: layers.{i}.blocks.{j}, layers.{i}.downsample, norm, layers_up.0, layers_up.{k}.blocks.{j},
///          layers_up.{k}.upsample, concat_back_dim.{k}, norm_up; level of layers_up.{k}: last - k.
class UShapeImpl : public torch::nn::Module {
 public:
  UShapeImpl(const UShapeOptions& options, const std::vector<UShapeLevel>& levels);
  torch::Tensor forward(torch::Tensor x);

  /// Called after each step with the name of its parameters (layers.0.blocks.1, layers.0.downsample, …); for tests and
  /// for finding non-finite values.
  using Observer = std::function<void(const std::string& step, const torch::Tensor& value)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }

 private:
  torch::Tensor run_stage(const std::string& name, Stage& stage, torch::Tensor x) const;
  torch::Tensor observed(const std::string& step, torch::Tensor value) const;

  std::vector<Stage> down_, up_;  ///< by level, up_ without the coarsest
  std::vector<PatchMerge> merges_;
  std::vector<PatchExpand> expands_;      ///< by the level they arrive at
  std::vector<torch::nn::Linear> joins_;  ///< by level
  torch::nn::LayerNorm norm_{nullptr}, norm_up_{nullptr};
  Observer observer_;
};
TORCH_MODULE(UShape);

}  // namespace pear::sphere
