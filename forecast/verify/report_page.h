// The sections of the page as HTML that is well-formed XML too.
#pragma once

#include <string>

#include "forecast/verify/report_map.h"
#include "forecast/verify/report_scores.h"
#include "forecast/verify/report_verdict.h"

namespace pear::forecast {

struct ReportContent {
  const ReportRequest& request;
  const ReportScores& scores;
  const Verdict& verdict;
  const std::optional<MapFields>& maps;
  std::string map_note;            ///< why there are no maps
  std::vector<std::string> notes;  ///< caveats, shown under the verdict
};

/// The whole page, with its style sheet inside.
std::string make_page(const ReportContent& content);

/// Titles by kind of truth: `nature_run` -> "simulated (nature run)", so that nobody takes it for the real world.
std::string kind_title(const std::string& kind);
/// kind and name of the truth, from scores.json; empty if it does not say.
std::pair<std::string, std::string> truth_of(const ReportScores& scores);

/// Style sheet of the page.
extern const char* const kReportStyle;

}  // namespace pear::forecast
