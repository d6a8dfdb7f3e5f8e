#include "forecast/train/metrics_log.h"

#include <sstream>
#include <utility>

#include "base/error.h"
#include "base/files.h"

namespace pear::forecast {
namespace fs = std::filesystem;

MetricsLog::MetricsLog(const fs::path& directory, std::vector<std::string> columns, int64_t last_step)
    : columns_(std::move(columns)), directory_(directory) {
  const fs::path json_path = directory / "metrics.jsonl", csv_path = directory / "metrics.csv";
  std::string json_text, csv_text;
  for (const auto& column : columns_) csv_text += (csv_text.empty() ? "" : ",") + column;
  csv_text += "\n";
  if (fs::exists(json_path)) {
    std::istringstream lines(read_text(json_path));
    for (std::string line; std::getline(lines, line);) {
      const auto row = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!row.is_object() || row.value("step", last_step + 1) > last_step) continue;
      json_text += line + "\n";
      csv_text += csv_line(row) + "\n";
    }
  }
  write_file_atomic(json_path, json_text);
  write_file_atomic(csv_path, csv_text);
  json_.open(json_path, std::ios::app);
  csv_.open(csv_path, std::ios::app);
}

std::string MetricsLog::csv_line(const nlohmann::json& row) const {
  std::string line;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) line += ",";
    const auto it = row.find(columns_[i]);
    if (it != row.end()) line += it->is_string() ? it->get<std::string>() : it->dump();
  }
  return line;
}

void MetricsLog::write(const nlohmann::json& row) {
  json_ << row.dump() << "\n" << std::flush;
  csv_ << csv_line(row) << "\n" << std::flush;
  if (json_ && csv_) return;
  throw DataError("WriteFailed", "train.metrics",
                  {.what = "metrics.jsonl in " + directory_.string(), .hint = "is the disk full?"});
}

}  // namespace pear::forecast
