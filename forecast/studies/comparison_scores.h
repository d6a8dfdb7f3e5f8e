// From the sums of every arm and seed to means, spread over seeds, and paired tests against the baseline.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "forecast/verify/score_config.h"
#include "forecast/verify/sums.h"

namespace pear::forecast {

/// Sums of one arm, one table for each seed, in the order of the seeds.
using ArmSums = std::map<std::string, std::vector<SumsTable>>;

/// One metric of one arm.
struct ComparisonRow {
  std::string grid, variable, level_hpa, region, metric, unit, arm;
  double lead_time_h = 0;
  std::vector<double> by_seed;
  double mean = 0, spread = 0;               ///< over seeds; spread: standard deviation, NaN for one seed
  std::map<std::string, double> references;  ///< persistence, climatology
  int64_t num_init = 0;
  /// RMSE of a perfect forecast after the same regridding (comparison_floor.h), 0 on the arm's own grid; not set here.
  double regrid_floor = std::numeric_limits<double>::quiet_NaN();
};

/// An arm against the baseline. Differences are arm - baseline.
struct ComparisonTest {
  std::string grid, variable, level_hpa, region, metric, arm;
  double lead_time_h = 0;
  double difference = 0;           ///< mean over seeds
  double ci_low = 0, ci_high = 0;  ///< bootstrap over initial times (blocks) and over seeds
  double p_dates = 1;              ///< paired t over initial times, seeds averaged, inflated by lag-1 autocorrelation
  double p_adjusted = 1;           ///< p_dates, Benjamini-Hochberg over all tests of the grid
  double p_seeds = 1;              ///< paired t over seeds (seed n of both arms: same order of data)
  bool same_sign = false;          ///< the difference has one sign for every seed
  /// `better`, `worse`: p_adjusted < 0.05, the interval leaves 0 out and all seeds agree; else `open`. `-` for bias.
  std::string verdict;
};

struct ComparisonScores {
  std::vector<ComparisonRow> rows;
  std::vector<ComparisonTest> tests;
};

struct ComparisonOptions {
  std::string grid, baseline;
  std::vector<std::string> metrics;  ///< those that need a second forecast (skills) are left out
  BootstrapConfig bootstrap;
  uint64_t seed = 1;
};

/// Rows and tests of one grid.
/// Errors: DataError `DefinitionMismatch` unless all tables have the same pairs, channels and regions.
ComparisonScores compare_arms(const ArmSums& sums, const ComparisonOptions& options);

/// Two-sided p of mean zero for independent values; NaN for fewer than 2.
double t_test_p(const std::vector<double>& differences);

}  // namespace pear::forecast
