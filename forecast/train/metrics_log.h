// metrics.jsonl and metrics.csv of a run: one row per logged step or validation, no doubled part after a resume.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pear::forecast {

/// Rows are JSON objects with at least `step`. The CSV holds the named columns; absent values are empty cells.
///
/// Opening cuts both files back to rows with step <= `last_step` (a torn last line goes too).
/// Errors:  DataError `WriteFailed`.
class MetricsLog {
 public:
  MetricsLog(const std::filesystem::path& directory, std::vector<std::string> columns, int64_t last_step);
  void write(const nlohmann::json& row);

 private:
  std::string csv_line(const nlohmann::json& row) const;
  std::vector<std::string> columns_;
  std::filesystem::path directory_;
  std::ofstream json_, csv_;
};

}  // namespace pear::forecast
