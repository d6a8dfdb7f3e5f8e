// From scores to one self-contained page: verdict, curves, table, maps, definitions, provenance.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "forecast/verify/report_config.h"
#include "io/store.h"

namespace pear::forecast {

struct ReportRequest {
  std::filesystem::path run_dir;           ///< holds scores.csv and scores.json; report.html is written here
  std::string run_name;                    ///< also the model's name in the scores
  std::filesystem::path forecasts;         ///< folder of the run's forecast files, for the maps; may be absent
  std::shared_ptr<const io::Store> truth;  ///< for the maps; null: no maps, and a note that says so
  std::string truth_note;                  ///< why `truth` is null
  ReportConfig config;
  std::vector<std::pair<std::string, std::string>> facts;  ///< grid, periods … as label and value
  std::string resolved_yaml;                               ///< resolved configuration
  nlohmann::json resolved;                                 ///< the same, compared with that of the scores
  nlohmann::json provenance;
};

struct ReportResult {
  std::filesystem::path output;
  std::vector<std::string> notes;  ///< caveats that the page shows as well
  nlohmann::json summary;          ///< what the page shows, for --json
};

/// Writes run_dir/report.html, replacing an older one: it holds nothing that the scores and forecasts do not.
///
/// The page needs no network, no script and no other file; all text from files and configuration is escaped.
/// Errors:  DataError `NoScores` (hint: pear score), `BadScores`, `MissingRegion`, `MissingChannel`, `MissingMetric`,
///          `MissingTime`, `MissingLead` for what the configuration names and the scores or forecasts do not have;
///          `WriteFailed`. Without forecast files or truth the page has no maps and says why.
ReportResult write_report(const ReportRequest& request);

/// What write_report would do; reads the same, writes nothing.
ReportResult plan_report(const ReportRequest& request);

}  // namespace pear::forecast
