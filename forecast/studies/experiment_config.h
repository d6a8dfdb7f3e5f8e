// The `experiment` section: which study, and how much of it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/config/field.h"
#include "forecast/model/model_config.h"

namespace pear::forecast {

/// One competitor of a comparison: a network and the grid it lives on.
struct ArmConfig {
  std::string grid = "healpix:16";
  ModelConfig model;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("grid", grid, {.doc = "grid of the arm's store and network"});
    visit("model", model, {.doc = "the arm's network; the section `model` of the file is not used"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

/// Section `experiment`.
struct ExperimentConfig {
  std::string name = "dynamics_acceptance";
  std::vector<std::string> cases{"steady",       "baroclinic_wave", "rossby_haurwitz", "held_suarez",
                                 "conservation", "error_growth",    "reproducibility"};
  int64_t truncation = 0;
  int64_t layers = 0;
  double days = 0;
  double time_step = 0;
  int64_t spin_up_days = -1;
  std::map<std::string, ArmConfig> arms;
  std::string baseline;
  std::vector<int64_t> seeds{1, 2, 3};
  std::vector<std::string> score_grids;
  bool keep_forecasts = false;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("name", name, {.doc = "which study", .choices = {"dynamics_acceptance", "grid_comparison"}});
    visit("cases", cases,
          {.doc = "cases of the study, in this order",
           .choices = {"steady", "baroclinic_wave", "rossby_haurwitz", "held_suarez", "conservation", "error_growth",
                       "reproducibility"}});
    visit("truncation", truncation, {.doc = "spectral truncation; 0: that of the acceptance values"});
    visit("layers", layers, {.doc = "layers; 0: those of the acceptance values"});
    visit("days", days, {.doc = "length of a case; 0: that of the acceptance values", .unit = "days"});
    visit("time_step", time_step, {.doc = "must divide 6 h; 0: that of the acceptance values", .unit = "s"});
    visit("spin_up_days", spin_up_days,
          {.doc = "days left out of statistics (held_suarez), before the perturbation (error_growth); -1: the default",
           .unit = "days"});
    visit("arms", arms, {.doc = "grid_comparison: name -> {grid, model}; all else is common to the arms"});
    visit(
        "baseline", baseline,
        {.doc = "grid_comparison: arm that the others are compared with; statistics of its store normalise all arms"});
    visit("seeds", seeds, {.doc = "grid_comparison: each arm is trained once with each seed"});
    visit("score_grids", score_grids,
          {.doc = "grid_comparison: every arm is scored on each of these grids, by conservative regridding where it is "
                  "another one; own: each arm on its own grid (default: own and the grids of the arms)"});
    visit("keep_forecasts", keep_forecasts,
          {.doc = "grid_comparison: keep forecast files after they were scored (hundreds of MiB)"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast
