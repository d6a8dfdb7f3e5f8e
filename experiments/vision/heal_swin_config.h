// Every number that shapes HEAL-SWIN.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/config/field.h"

namespace pear::vision {

/// Defaults are the published setting (HEAL-SWIN, CVPR 2024): 41,279,688 parameters.
struct HealSwinConfig {
  int64_t nside = 256, base_pixels = 8, patch = 4, embed = 96;
  std::vector<int64_t> depths{2, 2, 6, 2}, heads{3, 6, 12, 24};
  int64_t window = 64;
  std::string shift = "ring";
  int64_t shift_size = 0;
  std::string ring_mask, grid_fill;
  std::string attention = "cosine", norm = "res_post", position_bias = "flat";
  int64_t in_channels = 3, outputs = 10, mlp_ratio = 4;
  double dropout = 0.1, attention_dropout = 0.1, drop_path = 0.1;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("nside", nside, {.doc = "resolution of the pixels, a power of two"});
    visit("base_pixels", base_pixels, {.doc = "8 (northern half and equator, as published) or 12 (the whole sphere)"});
    visit("patch", patch, {.doc = "pixels in a token, a power of four"});
    visit("embed", embed, {.doc = "channels of the finest stage, doubled at each merge"});
    visit("depths", depths, {.doc = "blocks of the encoder stages, finest first; the decoder mirrors them"});
    visit("heads", heads, {.doc = "attention heads of the encoder stages"});
    visit("window", window, {.doc = "tokens in an attention window, a power of four"});
    visit("shift", shift,
          {.doc = "how odd blocks shift their windows", .choices = {"ring", "grid", "nest_roll", "none"}});
    visit("shift_size", shift_size, {.doc = "shift in tokens; 0: half the side of a window"});
    visit("ring_mask", ring_mask,
          {.doc = "ring shift: refill the slots that read a missing face (8 base pixels), or mask those that wrapped "
                  "around a pole (12); empty: what fits base_pixels",
           .choices = {"", "refill", "wrap_only"}});
    visit("grid_fill", grid_fill,
          {.doc = "grid shift on 12 base pixels: which pixels fill the holes; empty: orbit, which keeps quarter turns",
           .choices = {"", "orbit", "ascending"}});
    visit("attention", attention, {.doc = "kind of scores", .choices = {"cosine", "dot"}});
    visit("norm", norm, {.doc = "LayerNorm after attention and MLP, or before", .choices = {"res_post", "pre"}});
    visit("position_bias", position_bias, {.doc = "learned bias of attention", .choices = {"flat", "none"}});
    visit("in_channels", in_channels, {.doc = "channels of a pixel"});
    visit("outputs", outputs, {.doc = "outputs of a pixel: classes, or values"});
    visit("mlp_ratio", mlp_ratio, {.doc = "hidden width of the MLP in channels"});
    visit("dropout", dropout, {.doc = "dropout after embedding and projections and in the MLP"});
    visit("attention_dropout", attention_dropout, {.doc = "dropout of attention weights"});
    visit(
        "drop_path", drop_path,
        {.doc = "stochastic depth of the last encoder block, rising linearly from 0; the decoder repeats its level's"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
  /// Errors: ConfigError `Invalid` with everything that `validate` finds.
  void require_valid() const;

  int64_t num_pixels() const { return base_pixels * nside * nside; }
  int64_t token_nside() const;   ///< of the finest stage
  int64_t shift_tokens() const;  ///< shift_size, or half the side of a window
  bool refills() const { return base_pixels == 8; }

 private:
  void validate_grid(ConfigIssues& issues, const std::string& prefix) const;
  void validate_stages(ConfigIssues& issues, const std::string& prefix) const;
  void validate_shift(ConfigIssues& issues, const std::string& prefix) const;
};

/// A file with nothing but this section: `configs/model/heal_swin.yaml`.
struct VisionConfig {
  HealSwinConfig vision;
  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("vision", vision, {.doc = "HEAL-SWIN"});
  }
};

}  // namespace pear::vision
