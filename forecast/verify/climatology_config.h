// The `climatology` section: which mean state anomalies are taken from (scoring.md section 4).
#pragma once

#include <cstdint>
#include <string>

#include "base/config/field.h"

namespace pear::forecast {

/// Section `climatology`, used by the verb of that name, by scores and by the model `climatology`.
struct ClimatologyConfig {
  std::string kind = "auto";
  TimeSelection period;
  int64_t num_harmonics = 2;
  int64_t window = 61;
  bool by_hour = true;
  bool allow_sparse = false;
  bool allow_other_store = false;
  Path file;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("kind", kind,
          {.doc = "harmonics: mean and annual waves fitted per cell; windowed: Gaussian window over days of the year; "
                  "wb2: 61-day triangle of WeatherBench 2; pear: same calendar day; mean: one mean; auto: harmonics "
                  "where the period covers the year, else mean",
           .choices = {"auto", "harmonics", "windowed", "wb2", "pear", "mean"}});
    visit("period", period, {.doc = "times that are averaged (default: data.train)"});
    visit("num_harmonics", num_harmonics, {.doc = "waves per year of kind harmonics"});
    visit("window", window, {.doc = "odd length of the window of kind windowed; deviation: a fifth", .unit = "days"});
    visit("by_hour", by_hour, {.doc = "apart for each hour of the day (harmonics, windowed, mean)"});
    visit("allow_sparse", allow_sparse, {.doc = "accept days of the year without any sample in the period"});
    visit("allow_other_store", allow_other_store, {.doc = "use a climatology.file that was made from another store"});
    visit("file", file,
          {.doc = "file that is written, and read where it exists (default: climatology_<id>.nc in the run folder)"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast
