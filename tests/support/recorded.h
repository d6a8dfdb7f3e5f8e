// Recorded values of tensors, and the table that says how their parameters were filled.
#pragma once

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace pear::testing {

using Row = std::map<std::string, std::string>;

/// Rows of a CSV file by the names of its first line.
inline std::vector<Row> read_rows(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<std::string> header;
  std::vector<Row> rows;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    std::vector<std::string> words;
    std::stringstream stream(line);
    for (std::string word; std::getline(stream, word, ',');) words.push_back(word);
    if (header.empty()) {
      header = words;
      continue;
    }
    auto& row = rows.emplace_back();
    for (size_t i = 0; i < header.size(); ++i) row[header[i]] = words.at(i);
  }
  return rows;
}

/// Largest difference at the recorded positions, relative to the largest recorded magnitude.
inline double recorded_error(const torch::Tensor& x, const nlohmann::json& pos, const nlohmann::json& values) {
  const auto flat = x.detach().to(torch::kFloat64).flatten();
  double worst = 0, scale = 0;
  for (size_t i = 0; i < pos.size(); ++i) {
    const double expected = values[i].get<double>();
    worst = std::max(worst, std::abs(flat[pos[i].get<int64_t>()].item<double>() - expected));
    scale = std::max(scale, std::abs(expected));
  }
  return worst / scale;
}

}  // namespace pear::testing
