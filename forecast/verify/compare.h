// Two sets of scores side by side, refused where their definitions differ.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pear::forecast {

struct CompareOptions {
  std::vector<std::string> allow;  ///< definition fields that may differ; they stand under the table
  bool intersect_times = false;    ///< recompute both sides on the initial times they share
  uint64_t seed = 1;
  int64_t samples = 1000;  ///< resamples of the paired bootstrap
};

struct CompareRow {
  std::string variable, level_hpa, region, metric;
  double lead_time_h = 0;
  double left = 0, right = 0;          ///< values
  double difference = 0;               ///< left - right
  double ci_low = 0, ci_high = 0;      ///< of the difference, 95 %
  double p_value = 1, p_adjusted = 1;  ///< paired t with lag-1 inflation; Benjamini-Hochberg over all rows
  int64_t num_init = 0;
};

struct CompareResult {
  std::string left_model, right_model;
  std::vector<CompareRow> rows;
  std::vector<std::string> footnotes;
  std::string table;
  nlohmann::json summary;
};

/// Compares the first models of two folders (or `scores.json` files) written by `score`.
/// Errors:  DataError `DefinitionMismatch` with a two-column list of the differing fields and the hint that helps.
CompareResult compare_scores(const std::filesystem::path& left, const std::filesystem::path& right,
                             const CompareOptions& options = {});

}  // namespace pear::forecast
