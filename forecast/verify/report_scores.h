// The scores that a report shows: chosen channels, metrics and region, and curves made of rows.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "forecast/verify/report.h"
#include "forecast/verify/score.h"

namespace pear::forecast {

struct CurvePoint {
  double lead_h = 0, value = 0, low = 0, high = 0;  ///< low, high: NaN without confidence limits
  int64_t num_init = 0;
};

/// One model's values of one metric in one channel by ascending lead; missing values are left out.
struct Curve {
  std::string model, unit;
  std::vector<CurvePoint> points;
  /// nullptr if there is no value at this lead.
  const CurvePoint* at(double lead_h) const;
};

struct ReportScores {
  std::vector<ScoreRow> rows;         ///< of the run, and those of other runs that have the same definition
  nlohmann::json record;              ///< scores.json
  std::vector<std::string> models;    ///< the run's own first, references last
  std::vector<std::string> channels;  ///< chosen: "z500", "t2m"
  std::vector<std::string> metrics;   ///< chosen
  std::string table_metric;           ///< of verdict and table; empty if no error metric was scored
  std::string region;
  std::vector<double> leads_h;  ///< ascending
  std::vector<std::string> notes;

  std::vector<Curve> curves(const std::string& channel, const std::string& metric) const;
};

/// `z` and `500` -> `z500`; `mean` -> `z mean`.
std::string channel_of(const ScoreRow& row);

/// `geopotential_500` -> `z500`, as channel_of writes it; unknown names stay.
std::string canonical_channel(const std::string& name);

/// Persistence and climatology, whatever the run is called.
bool is_reference(const std::string& model);

/// Reads the scores of the run and of report.compare and applies the choices.
/// Errors:  as write_report.
ReportScores read_report_scores(const ReportRequest& request);

}  // namespace pear::forecast
