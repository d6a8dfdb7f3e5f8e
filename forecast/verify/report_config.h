// The `report` section: what the report shows of the scores.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/config/field.h"
#include "base/time.h"

namespace pear::forecast {

/// Section `report`. What is left empty is chosen from what was scored.
struct ReportConfig {
  std::vector<std::string> channels;
  std::vector<std::string> metrics;
  std::string region;
  std::vector<Path> compare;
  std::string channel;
  std::optional<Time> init;
  Duration lead{0};
  std::string sampling = "bilinear";

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("channels", channels,
          {.doc = "channels of curves and table, e.g. [z500, t2m] (default: z500, t850, t2m, u10, v10 where scored)"});
    visit("metrics", metrics, {.doc = "metrics of the curves (default: RMSE, ACC and bias where scored)"});
    visit("region", region, {.doc = "region of curves and table (default: global, else the first that was scored)"});
    visit("compare", compare, {.doc = "run folders whose scores of the same definition are shown beside"});
    visit("channel", channel, {.doc = "channel of the maps (default: the first of the curves)"});
    visit("init", init, {.doc = "initial time of the maps (default: the first whose truth is there)"});
    visit("lead", lead, {.doc = "lead time of the maps; 0: the longest"});
    visit("sampling", sampling,
          {.doc = "pixels of the maps: linear between cells, or the cells themselves",
           .choices = {"bilinear", "nearest"}});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

}  // namespace pear::forecast
