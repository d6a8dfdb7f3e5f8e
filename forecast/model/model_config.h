// The `model` section: which model, and every number that shapes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/config/field.h"

namespace pear::forecast {

/// What name and variant give to the switches that are left empty; see the docs of the fields.
struct ModelSwitches {
  bool pre_norm = false, mid_norm = true, skip_first = true, pads_front = true;
  bool libtorch_linear_init = false, mirrors_drop_path = false;
  int64_t constant_channels = 0;
  std::string patch_padding = "none", token_padding = "none", pad_tokens = "attend", lon_mask = "periodic";
};

/// Defaults are the published PEAR (arXiv 2505.17720): 4,279,881 parameters on nside 64.
struct ModelConfig {
  std::string name = "pear";
  std::string variant = "matched";
  std::string fidelity = "faithful";
  std::string level_crop, ring_mask;
  std::string shift, position_bias;
  std::string norm, linear_init, head_order, level_pad, drop_path_order;
  std::string patch_padding, token_padding, pad_tokens, lon_mask;
  std::optional<bool> mid_norm;
  std::optional<int64_t> constant_channels;
  std::vector<int64_t> patch{2, 16}, dims{48, 96, 96, 48}, depths{2, 6, 6, 2}, heads{6, 12, 12, 6}, window{2, 64};
  std::vector<int64_t> window_shift;
  int64_t ring_shift = 0;
  int64_t mlp_ratio = 4;
  double drop_path = 0, dropout = 0, attention_dropout = 0;
  std::string output = "state";
  std::string head_init = "auto";
  Path weights;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("name", name,
          {.doc = "network or baseline", .choices = {"pear", "pangu_twin", "persistence", "climatology", "dycore"}});
    visit("variant", variant,
          {.doc = "pangu_twin: the published baseline with all its peculiarities, or PEAR with nothing but the grid "
                  "changed; the values of the switches below that are left empty",
           .choices = {"matched", "published"}});
    visit("fidelity", fidelity,
          {.doc = "the published program as it is, or with its two known defects mended",
           .choices = {"faithful", "corrected"}});
    visit("level_crop", level_crop,
          {.doc = "which of the padded levels are kept; empty: as fidelity says", .choices = {"", "last", "first"}});
    visit("ring_mask", ring_mask,
          {.doc = "mask of the spiral shift; empty: as fidelity says", .choices = {"", "published", "wrap_only"}});
    visit("shift", shift,
          {.doc = "how odd blocks shift their windows; empty: spiral (pear), planar (pangu_twin)",
           .choices = {"", "spiral", "per_ring", "grid", "planar", "none"}});
    visit("position_bias", position_bias,
          {.doc = "learned bias of attention; empty: single, earth_specific for the published twin",
           .choices = {"", "single", "earth_specific", "none"}});
    visit("norm", norm,
          {.doc = "LayerNorm after attention and MLP, or before; empty: res_post, pre for the published twin",
           .choices = {"", "res_post", "pre"}});
    visit("mid_norm", mid_norm, {.doc = "LayerNorm before the expansion; unset: true, false for the published twin"});
    visit("linear_init", linear_init,
          {.doc = "start of linear layers; empty: trunc_normal, libtorch for the published twin",
           .choices = {"", "trunc_normal", "libtorch"}});
    visit("head_order", head_order,
          {.doc = "order of the two halves that the output layer reads; empty: skip_first, skip_last for the published "
                  "twin",
           .choices = {"", "skip_first", "skip_last"}});
    visit("level_pad", level_pad,
          {.doc = "where levels of zeros are added; empty: front, back for the published twin",
           .choices = {"", "front", "back"}});
    visit("constant_channels", constant_channels,
          {.doc = "surface inputs fed with zeros; unset: 0, 3 for the published twin"});
    visit("patch_padding", patch_padding,
          {.doc = "pangu_twin: zeros around a grid that patches do not divide (published: refuses rows that the "
                  "published program pads wrongly); empty: none, published for the published twin",
           .choices = {"", "none", "zero", "published"}});
    visit("token_padding", token_padding,
          {.doc = "pangu_twin: zero tokens where windows or merging do not divide; empty: none, zero for the published "
                  "twin",
           .choices = {"", "none", "zero"}});
    visit("pad_tokens", pad_tokens,
          {.doc = "pangu_twin: zero tokens act as keys and values, or are masked; empty: attend",
           .choices = {"", "attend", "masked"}});
    visit("lon_mask", lon_mask,
          {.doc = "pangu_twin: split_last cuts the window at the date line in two, a defect of the published program; "
                  "empty: periodic, split_last for the published twin",
           .choices = {"", "periodic", "split_last"}});
    visit("patch", patch, {.doc = "levels and nested pixels in a token; pangu_twin: levels, rows, columns"});
    visit("dims", dims, {.doc = "channels of the four stages: d, 2d, 2d, d"});
    visit("depths", depths, {.doc = "blocks of the four stages"});
    visit("heads", heads, {.doc = "attention heads of the four stages"});
    visit("window", window, {.doc = "stack slots and tokens in an attention window; pangu_twin: slots, rows, columns"});
    visit("window_shift", window_shift,
          {.doc = "pangu_twin: shift in slots, rows and columns of tokens; empty: half a window"});
    visit("ring_shift", ring_shift, {.doc = "shift in tokens; 0: half the side of a window"});
    visit("mlp_ratio", mlp_ratio, {.doc = "hidden width of the MLP in channels"});
    visit("drop_path", drop_path, {.doc = "stochastic depth of the last block, rising linearly from 0"});
    visit(
        "drop_path_order", drop_path_order,
        {.doc = "over all blocks, or over the first two stages with the last two mirrored; empty: rising, mirrored for "
                "the published twin",
         .choices = {"", "rising", "mirrored"}});
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

  bool is_twin() const { return name == "pangu_twin"; }
  bool is_published_twin() const { return is_twin() && variant == "published"; }
  ModelSwitches resolved() const;
  std::string shift_kind() const;
  std::string bias_kind() const;
  int64_t patch_cells() const;    ///< cells of a patch on one level
  int64_t window_tokens() const;  ///< tokens of a window on all its slots

  /// The published twin pads at the back and keeps the first levels: its crop is aligned.
  bool crops_first() const {
    return level_crop.empty() ? fidelity == "corrected" && !is_published_twin() : level_crop == "first";
  }
  bool masks_wrap_only() const { return ring_mask.empty() ? fidelity == "corrected" : ring_mask == "wrap_only"; }
  bool starts_at_zero() const { return head_init == "zero" || (head_init == "auto" && output == "tendency"); }

 private:
  void validate_sizes(ConfigIssues& issues, const std::string& path) const;
  void validate_pear(ConfigIssues& issues, const std::string& path) const;
  void validate_twin(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast
