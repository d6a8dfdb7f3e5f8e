// The `data` section: where the states are, which variables, which periods.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/config/field.h"
#include "base/time.h"

namespace pear::forecast {

/// Section `data`. `sources` feed the ingest, everything else also the training.
struct DataConfig {
  std::vector<Path> sources;           ///< files or globs that ingest reads
  Path store;                          ///< folder of the training store
  std::vector<std::string> variables;  ///< canonical names; order never matters
  std::vector<double> levels_hpa;      ///< levels of every upper-air variable, from the ground up
  Duration every{6 * 3600};            ///< spacing of the states
  std::optional<Duration> lead;        ///< step the network learns
  TimeSelection train, select, test;
  std::string normalisation = "store";
  bool allow_overlap = false;
  int64_t prefetch = 2;
  int64_t resident_limit_mib = 2048;

  /// Lead time of a training pair: `lead`, else `every`.
  Duration lead_or_every() const { return lead.value_or(every); }

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("sources", sources, {.doc = "files or globs that ingest reads (default with a simulation: its files)"});
    visit("store", store, {.doc = "folder of the training store (default with a simulation: store in the run folder)"});
    visit("variables", variables, {.doc = "variables by name, surface and upper-air"});
    visit("levels_hpa", levels_hpa, {.doc = "pressure levels of every upper-air variable", .unit = "hPa"});
    visit("every", every, {.doc = "spacing of the states"});
    visit("lead", lead, {.doc = "lead time of a training pair (default: every)"});
    visit("train", train, {.doc = "training period; input and target must both lie inside"});
    visit("select", select, {.doc = "period that validates and chooses the best checkpoint"});
    visit("test", test, {.doc = "period kept for scores; training never reads it"});
    visit("normalisation", normalisation,
          {.doc = "mean and standard deviation of the store, or physical units", .choices = {"store", "none"}});
    visit("allow_overlap", allow_overlap, {.doc = "let train, select and test overlap (marks later scores)"});
    visit("prefetch", prefetch, {.doc = "micro-batches read ahead by the loader thread; 0 reads in the step"});
    visit("resident_limit_mib", resident_limit_mib,
          {.doc = "keep the whole set in memory when it is not larger than this", .unit = "MiB"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast
