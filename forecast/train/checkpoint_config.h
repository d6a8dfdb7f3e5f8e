// The `checkpoint` section: when to save and how many to keep.
#pragma once

#include <cstdint>
#include <string>

#include "base/config/field.h"

namespace pear::forecast {

/// Section `checkpoint`. The last step of a run and a stop by signal are always saved.
struct CheckpointConfig {
  int64_t every_steps = 0;
  double every_minutes = 30;
  bool async = true;
  int64_t keep_last = 3;
  int64_t keep_best = 1;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("every_steps", every_steps, {.doc = "save every n steps; 0: not by steps"});
    visit("every_minutes", every_minutes,
          {.doc = "save when this much time has passed; 0: not by time", .unit = "min"});
    visit("async", async,
          {.doc = "write in the background while training goes on: takes memory for a copy of the state; the next "
                  "checkpoint and the end wait for it"});
    visit("keep_last", keep_last, {.doc = "newest checkpoints that are kept"});
    visit("keep_best", keep_best, {.doc = "best checkpoints by train.best_metric that are kept besides"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast
