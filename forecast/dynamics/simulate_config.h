// The `simulate` section: a nature run and where it goes.
#pragma once

#include <cstdint>

#include "forecast/dynamics/core_config.h"

namespace pear::forecast {

/// Section `simulate`.
struct SimulateConfig : CoreConfig {
  Time start = parse_time("2001-01-01");
  Duration length{0};
  Duration every{86400};
  Duration spin_up = 90 * Duration{86400};
  int64_t members = 1;
  double perturbation = 0;
  Path dir;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    CoreConfig::visit_fields(visit);
    visit("start", start, {.doc = "time of the first state"});
    visit("length", length, {.doc = "time from the first to the last state; a longer one continues the run"});
    visit("every", every, {.doc = "spacing of the states, a multiple of the time step"});
    visit("spin_up", spin_up, {.doc = "time integrated from rest before the first state"});
    visit("members", members, {.doc = "runs side by side, each in a folder of its own"});
    visit("perturbation", perturbation,
          {.doc = "K; above 0 the members share the spin-up and part by temperature noise of this size at the start"});
    visit("dir", dir, {.doc = "folder of the files (default: nature_run in the run folder)"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast
