// The `run` section: name, place, seed, device.
#pragma once

#include <cstdint>
#include <string>

#include "base/config/field.h"

namespace pear::forecast {

/// Section `run`.
struct RunSection {
  std::string name = "run";
  Path dir;
  int64_t seed = 1;
  std::string device = "auto";
  std::string precision = "fp32";
  bool reproducible = false;
  bool overwrite = false;
  double collective_timeout_s = 0;
  double grace_s = 300;

  /// `dir`, else `runs/<name>`.
  std::string folder() const { return dir.empty() ? "runs/" + name : dir.str(); }

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("name", name, {.doc = "name of the run; also the model's name in score tables"});
    visit("dir", dir, {.doc = "run folder: checkpoints, forecasts, scores, run.log (default: runs/<name>)"});
    visit("seed", seed, {.doc = "seed of every random number"});
    visit("device", device, {.doc = "auto, cpu, cuda or cuda:<n>; auto says what it chose and why"});
    visit("precision", precision,
          {.doc = "fp32, or bf16 arithmetic with float32 weights", .choices = {"fp32", "bf16"}});
    visit("reproducible", reproducible, {.doc = "deterministic kernels; no times in outputs"});
    visit("overwrite", overwrite, {.doc = "replace results of another definition in the run folder"});
    visit("collective_timeout_s", collective_timeout_s,
          {.doc = "longest wait of a rank for the others before the run ends with an error; 0: environment variable "
                  "PEAR_COLLECTIVE_TIMEOUT_S, else 600",
           .unit = "s"});
    visit(
        "grace_s", grace_s,
        {.doc = "after a stop signal: longest time without a finished micro-batch, validated sample or file before the "
                "process gives up; 0: no limit",
         .unit = "s"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast
