// From sums to values with confidence limits and definitions.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "forecast/verify/metrics.h"
#include "forecast/verify/score.h"
#include "forecast/verify/sums.h"

namespace pear::forecast {

struct RowsOptions {
  std::vector<std::string> metrics;
  std::vector<std::string> references;  ///< skills are against the first one
  BootstrapConfig bootstrap;
  uint64_t seed = 1;
};

struct ScoreRows {
  std::vector<ScoreRow> rows;
  std::map<std::string, nlohmann::json> definitions;  ///< by id
  double block_length = 0;                            ///< of the bootstrap, configured or estimated
  std::vector<std::string> warnings;
};

/// Every metric of every model, variable, level, region and lead. Initial times are those present in `table`;
/// pairs without sums are left out.
/// Errors: ConfigError `UnknownMetric`, `NoReference` (a skill without score.references).
ScoreRows make_rows(const SumsTable& table, const RowsOptions& options);

/// `500`, `0.5`; empty for surface variables.
std::string level_text(const SumsVariable& variable, size_t level);

/// A metric's series of one (variable, level, region, lead) over the initial times that have sums.
struct Series {
  std::vector<Time> times;
  std::vector<PairSums> own, second;
};
/// Which sums a metric needs beside the model's own.
struct SecondSource {
  size_t model = 0, channel = 0;
  bool present = false;
};
Series collect_series(const SumsTable& table, size_t model, size_t lead, size_t channel, size_t region,
                      const SecondSource& second);

/// Value of resampled terms. Shapes: indices into terms.
double resampled_value(const Metric& metric, const std::vector<Terms>& terms, const std::vector<int32_t>& indices);

/// Mean block length: configured, or from the median lag-1 autocorrelation of the squared errors of the first model
/// in the first region.
double block_length(const SumsTable& table, const BootstrapConfig& config);

}  // namespace pear::forecast
