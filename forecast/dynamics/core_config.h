// Choice of a dynamical core: the keys that `simulate` and `dycore` share.
#pragma once

#include <cstdint>
#include <string>

#include "base/config/field.h"
#include "base/time.h"

namespace pear::forecast {

/// Section `dycore`, and the first part of section `simulate`.
struct CoreConfig {
  std::string truncation = "T31";
  int64_t layers = 0;
  Duration time_step{0};
  std::string physics = "nature";
  bool perturbed_physics = false;
  std::string surface = "analytic";
  Path orography, land_mask;

  /// N of `T<N>`.
  int64_t truncation_number() const;
  /// `layers`, else 8 up to T31 and 10 above.
  int64_t num_layers() const;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("truncation", truncation, {.doc = "triangular truncation, e.g. T21, T31, T42, T63"});
    visit("layers", layers, {.doc = "terrain-following layers; 0: 8 up to T31, 10 above; 13 suits real analyses"});
    visit("time_step", time_step, {.doc = "time step, a divisor of 6 h; 0: as the truncation needs"});
    visit("physics", physics,
          {.doc = "moist nature run, dry benchmark, or none", .choices = {"nature", "held_suarez", "none"}});
    visit("perturbed_physics", perturbed_physics,
          {.doc = "drag, relaxation, condensation and evaporation off by 20 to 30 %: an imperfect model"});
    visit("surface", surface,
          {.doc = "mountains and continents drawn by formula, none, or from orography and land_mask",
           .choices = {"analytic", "flat", "files"}});
    visit("orography", orography, {.doc = "file with the surface geopotential (zs, m2 s-2) on a global grid"});
    visit("land_mask", land_mask, {.doc = "file with the land-sea mask (lsm) on a global grid"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast
