// The `score` section: what is measured, where, against what, and how sure we are.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/config/field.h"
#include "base/time.h"

namespace pear::forecast {

/// A user's region: a box in degrees, ends inclusive; west > east runs across the date line.
struct BoxConfig {
  double south = -90, north = 90, west = 0, east = 360;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("south", south, {.doc = "southern edge", .unit = "degrees"});
    visit("north", north, {.doc = "northern edge", .unit = "degrees"});
    visit("west", west, {.doc = "western edge", .unit = "degrees"});
    visit("east", east, {.doc = "eastern edge; smaller than west: across the date line", .unit = "degrees"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

/// Stationary bootstrap over initial times (Politis and Romano 1994) for the confidence limits.
struct BootstrapConfig {
  int64_t samples = 1000;
  double block = 0;
  double level = 0.95;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("samples", samples, {.doc = "resamples; 0 leaves the confidence limits out"});
    visit("block", block, {.doc = "mean block length in initial times; 0: estimated from the autocorrelation"});
    visit("level", level, {.doc = "probability between ci_low and ci_high"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

/// Section `score`.
struct ScoreConfig {
  Path truth;
  std::string protocol = "native";
  std::vector<std::string> metrics{"rmse", "mae", "bias", "acc_wb2"};
  std::vector<std::string> regions{"global", "nh", "sh", "tropics"};
  std::map<std::string, BoxConfig> boxes;
  std::vector<std::string> references{"persistence", "climatology"};
  std::vector<std::string> models;
  std::vector<std::string> variables;
  std::vector<double> levels_hpa;
  std::vector<Duration> leads;
  std::string weights = "auto";
  std::string missing = "refuse";
  Path land_fraction;
  BootstrapConfig bootstrap;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("truth", truth, {.doc = "store that holds the truth (default: data.store)"});
    visit("protocol", protocol,
          {.doc = "native: the model's grid and the keys below; pear: pear_rmse, pear_acc, climatology pear",
           .choices = {"native", "pear"}});
    visit("metrics", metrics, {.doc = "metrics by name; an unknown name lists all"});
    visit("regions", regions, {.doc = "regions by name, also <name>_land with score.land_fraction"});
    visit("boxes", boxes, {.doc = "additional regions: name -> {south, north, west, east}"});
    visit("references", references,
          {.doc = "reference forecasts scored beside the model", .choices = {"persistence", "climatology"}});
    visit("models", models,
          {.doc = "other models of the run folder, scored on the same pairs, e.g. dycore_t21 (folders of forecasts/)"});
    visit("variables", variables, {.doc = "variables to score (default: all in the forecasts)"});
    visit("levels_hpa", levels_hpa,
          {.doc = "levels to score (default: all); pear_* also give the mean over them", .unit = "hPa"});
    visit("leads", leads, {.doc = "lead times to score (default: all in the forecasts)"});
    visit("weights", weights,
          {.doc = "area weights; auto: equal on HEALPix, area_wb2 on lat-lon",
           .choices = {"auto", "equal", "area_wb2", "area_wbx", "coslat"}});
    visit("missing", missing,
          {.doc = "NaN in a field: stop, or leave the cell out", .choices = {"refuse", "skip_cell"}});
    visit("land_fraction", land_fraction, {.doc = "file with the land fraction on the forecasts' grid"});
    visit("bootstrap", bootstrap, {.doc = "confidence limits"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast
