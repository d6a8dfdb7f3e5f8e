// The U-shape that PEAR and its lat-lon twin share; what differs between them is a geometry and a few switches.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "forecast/model/network.h"
#include "forecast/model/patches.h"
#include "sphere/attention/resample.h"
#include "sphere/attention/stage.h"

namespace pear::forecast {

/// Windows of the even and of the odd blocks of one resolution, and the shape of their position bias.
struct Windows {
  sphere::PartitionPtr plain, shifted;
  sphere::BiasShape bias;
};

/// How one grid is cut into patches, tokens and windows.
struct Geometry {
  StackExtents stack;
  Patching patching;
  sphere::ChildMapPtr children;  ///< tokens of a coarse token; empty: four consecutive ones
  Windows fine, coarse;
  int64_t num_parts = 1;  ///< the lists are those of one part of as many
};

/// Embedding, stage 0, merge, stages 1 and 2, LayerNorm (model.mid_norm), expand, stage 3, skip from stage 0, recovery.
///
/// Shapes:  as Network.  Source: PEAR-Weather 32e2f6c, WeatherLearn 41333e1; pear-model design sections 2 and 3.
/// Errors:  ShapeError `SizeMismatch` if a state does not have the layout's extents.
/// Parameters: patch_embed, layers.{i}.blocks.{j}, downsample, norm, upsample, final_up (published_names.h).
class WindowNetwork : public Network {
 public:
  WindowNetwork(const ModelConfig& config, const StateLayout& layout, const Geometry& geometry);
  State forward(const State& normalised) override;
  void set_checkpointed_stages(const std::vector<int64_t>& stages) override;

  /// Called after each step with its name (embed, block0, stage0, merge, …); for tests and for finding non-finite
  /// values.
  using Observer = std::function<void(const std::string& step, const torch::Tensor& value)>;
  void set_observer(Observer observer) { observer_ = std::move(observer); }

 private:
  void check_input(const State& x) const;
  torch::Tensor run_stage(size_t i, const torch::Tensor& x);
  void observe(const char* step, const torch::Tensor& value) const;

  StackExtents stack_;
  int64_t num_cells_;
  bool skip_first_;
  PatchEmbed patch_embed_{nullptr};
  std::vector<sphere::Stage> stages_;
  std::vector<bool> is_checkpointed_;  ///< by stage
  sphere::PatchMerge downsample_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};  ///< empty without model.mid_norm
  sphere::PatchExpand upsample_{nullptr};
  PatchRecover final_up_{nullptr};
  Observer observer_;
};

}  // namespace pear::forecast
