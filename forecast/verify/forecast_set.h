// The forecast files of one model, indexed by initial time.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/time.h"
#include "forecast/verify/score.h"
#include "io/forecast_file.h"

namespace pear::forecast {

struct ForecastSet {
  std::string model;
  std::map<Time, std::filesystem::path> files;
  sphere::Grid grid;
  std::vector<io::OutputVariable> variables;
  std::vector<Duration> leads;
  nlohmann::json identity;    ///< names, sizes and definition ids of the files: is this what was scored before?
  nlohmann::json provenance;  ///< of the first file

  size_t lead_index(Duration lead) const;
};

/// Opens every `*.nc` of the folder once, headers only.
/// Errors:  DataError `NoForecasts`; `ForecastsDiffer` if grid, variables or leads change from file to file;
///          `DuplicateField` if two files have the same initial time.
ForecastSet open_forecast_set(const ScoredForecast& forecast);

}  // namespace pear::forecast
