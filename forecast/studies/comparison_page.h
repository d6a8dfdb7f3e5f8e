// A finished comparison as text, CSV, curves and one HTML page.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "forecast/studies/comparison_scores.h"

namespace pear::forecast {

/// What an arm cost, over its seeds.
struct ArmCost {
  std::string name, grid;
  int64_t parameters = 0, cells = 0;
  int64_t fine_tokens = 0, coarse_tokens = 0;    ///< with all slots, without pads
  int64_t fine_windows = 0, coarse_windows = 0;  ///< with pads
  std::vector<double> seconds_per_step;          ///< NaN where unknown
  std::vector<double> peak_memory_gib, validation_loss, last_loss;
  std::vector<std::string> differences;  ///< from the baseline's network: `key  baseline | arm`
};

struct ComparisonContent {
  std::string baseline;
  std::vector<int64_t> seeds;
  std::vector<ArmCost> costs;  ///< baseline first
  std::vector<std::string> score_grids;
  std::vector<std::string> common;       ///< what all arms share, one sentence each
  std::vector<ComparisonScores> scores;  ///< one for each score grid
  std::string kind;                      ///< what the data are: nature_run, …
};

/// Costs, verdict counts and the first metric by grid, variable and lead.
std::string comparison_text(const ComparisonContent& content);
/// Every row and test.
std::string comparison_csv(const ComparisonContent& content);
nlohmann::json comparison_json(const ComparisonContent& content);

/// Means over seeds of the first metric by lead, for one grid and channel.
struct ComparisonFigure {
  std::string file_name, svg;
};
std::vector<ComparisonFigure> comparison_figures(const ComparisonContent& content);

std::string comparison_page(const ComparisonContent& content, const std::vector<ComparisonFigure>& figures);

}  // namespace pear::forecast
