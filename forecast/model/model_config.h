// The `model` section: which model, and every number that shapes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/config/field.h"

namespace pear::forecast {

/// Defaults are the published PEAR (arXiv 2505.17720): 4,279,881 parameters on nside 64.
struct ModelConfig {
  std::string name = "pear";
  std::string fidelity = "faithful";
  std::string level_crop, ring_mask;
  std::string shift = "spiral";
  std::string position_bias = "single";
  std::vector<int64_t> patch{2, 16}, dims{48, 96, 96, 48}, depths{2, 6, 6, 2}, heads{6, 12, 12, 6}, window{2, 64};
  int64_t ring_shift = 0;
  int64_t mlp_ratio = 4;
  double drop_path = 0, dropout = 0, attention_dropout = 0;
  std::string output = "state";
  std::string head_init = "auto";
  Path weights;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("name", name, {.doc = "network or baseline", .choices = {"pear", "persistence", "climatology", "dycore"}});
    visit("fidelity", fidelity,
          {.doc = "the published program as it is, or with its two known defects mended",
           .choices = {"faithful", "corrected"}});
    visit("level_crop", level_crop,
          {.doc = "which of the padded levels are kept; empty: as fidelity says", .choices = {"", "last", "first"}});
    visit("ring_mask", ring_mask,
          {.doc = "mask of the spiral shift; empty: as fidelity says", .choices = {"", "published", "wrap_only"}});
    visit("shift", shift,
          {.doc = "how odd blocks shift their windows", .choices = {"spiral", "per_ring", "grid", "none"}});
    visit("position_bias", position_bias, {.doc = "learned bias of attention", .choices = {"single", "none"}});
    visit("patch", patch, {.doc = "levels and nested pixels in a token"});
    visit("dims", dims, {.doc = "channels of the four stages: d, 2d, 2d, d"});
    visit("depths", depths, {.doc = "blocks of the four stages"});
    visit("heads", heads, {.doc = "attention heads of the four stages"});
    visit("window", window, {.doc = "stack slots and tokens in an attention window"});
    visit("ring_shift", ring_shift, {.doc = "shift in tokens; 0: half the side of a window"});
    visit("mlp_ratio", mlp_ratio, {.doc = "hidden width of the MLP in channels"});
    visit("drop_path", drop_path, {.doc = "stochastic depth of the last block, rising linearly from 0"});
    visit("dropout", dropout, {.doc = "dropout after projections and in the MLP"});
    visit("attention_dropout", attention_dropout, {.doc = "dropout of attention weights"});
    visit("output", output,
          {.doc = "predict the full state (published) or its change", .choices = {"state", "tendency"}});
    visit("head_init", head_init,
          {.doc = "start of the output layer; auto: zero for tendencies, so that training starts at persistence",
           .choices = {"auto", "default", "zero"}});
    visit("weights", weights,
          {.doc =
               "safetensors file with our or the published tensor names: training starts from it, and forecasts use it "
               "where the run has no checkpoint"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;

  bool crops_first() const { return level_crop.empty() ? fidelity == "corrected" : level_crop == "first"; }
  bool masks_wrap_only() const { return ring_mask.empty() ? fidelity == "corrected" : ring_mask == "wrap_only"; }
  bool starts_at_zero() const { return head_init == "zero" || (head_init == "auto" && output == "tendency"); }
};

}  // namespace pear::forecast
