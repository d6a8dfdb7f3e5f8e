// The `experiment` section: which study, and how much of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/config/field.h"

namespace pear::forecast {

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

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("name", name, {.doc = "which study", .choices = {"dynamics_acceptance"}});
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
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast
