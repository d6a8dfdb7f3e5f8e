// Which forecast has the smaller error, and where.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "forecast/verify/report_scores.h"

namespace pear::forecast {

/// The run's own model against one other, over all channels and leads of the report.
struct VerdictLine {
  std::string against;
  int compared = 0, better = 0;              ///< (channel, lead) pairs
  double first_change = 0, last_change = 0;  ///< mean over channels of error / error of the other - 1; first, last lead
};

struct Verdict {
  std::string model, metric;
  std::vector<VerdictLine> lines;
  nlohmann::json json() const;
};

/// No lines when no error metric was scored or the run's own model is not among the scores.
Verdict make_verdict(const ReportScores& scores, const std::string& model);

/// Leads that a table has room for: all if few, else whole days, else evenly chosen ones with the longest.
std::vector<double> table_leads(const std::vector<double>& leads_h);

/// Decimals of a table of these curves: three significant digits for the smallest value.
int table_decimals(const std::vector<Curve>& curves, const std::vector<double>& leads_h);

/// Models with the smallest error at a lead, to the decimals that are shown; empty if there is nothing to compare.
std::vector<std::string> best_models(const std::vector<Curve>& curves, double lead_h, int decimals);

}  // namespace pear::forecast
