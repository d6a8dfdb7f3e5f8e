// From forecast files and truth to scores: the entry point of this folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/config/field.h"
#include "forecast/verify/climatology_config.h"
#include "forecast/verify/score_config.h"
#include "io/store.h"

namespace pear::distributed {
class Communicator;
}

namespace pear::forecast {

/// One model's forecast files (`*.nc`, one per initial time).
struct ScoredForecast {
  std::string model;             ///< name in tables and scores.csv
  std::filesystem::path folder;  ///< e.g. run_dir/forecasts/pear
};

struct ScoreRequest {
  std::filesystem::path run_dir;                       ///< scores.{csv,nc,json} and sums.nc are written here
  std::vector<ScoredForecast> forecasts;               ///< at least one; all are scored on the same pairs
  std::shared_ptr<const io::Store> truth;              ///< also the source of persistence
  std::shared_ptr<const io::Store> climatology_store;  ///< source of the climatology; null: the truth store
  ClimatologyConfig climatology;
  TimeSelection climatology_period;  ///< used when climatology.period is empty (data.train)
  ScoreConfig config;
  uint64_t seed = 1;          ///< of the bootstrap
  bool overwrite = false;     ///< replace scores of another definition
  nlohmann::json provenance;  ///< goes into every output
  /// Processes that take the initial times in turn; null: this one alone. Scores do not depend on their number.
  std::shared_ptr<distributed::Communicator> communicator;
};

/// One line of scores.csv. NaN: missing.
struct ScoreRow {
  std::string model, variable;
  std::string level_hpa;  ///< "500", "" for surface variables, "mean" for the PEAR means over levels
  std::string region;
  double lead_time_h = 0;
  std::string metric;
  double value = 0, ci_low = 0, ci_high = 0;
  int64_t num_init = 0;
  std::string unit, definition_id;
};

/// An (initial time, lead) that was left out of every model, and why.
struct MissingPair {
  Time init;
  Duration lead;
  std::string reason;
};

struct ScoreResult {
  bool up_to_date = false;  ///< the same scores were there already; rows are read from them
  std::vector<ScoreRow> rows;
  std::vector<MissingPair> missing;
  std::vector<std::string> warnings;
  std::vector<std::filesystem::path> outputs;
  std::string table;       ///< model | persistence | climatology by variable and lead, for the terminal
  nlohmann::json summary;  ///< headline numbers for --json
};

/// Scores forecasts against the truth, beside persistence and climatology.
///
/// Reads one (lead, variable) slab at a time. Of several processes rank 0 writes and has the result, the others return
/// an empty one. Existing scores of the same definition are returned as they are.
/// Errors:  ConfigError `UnknownMetric`, `UnknownRegion`; DataError `NoForecasts`, `GridMismatch`, `MissingVariable`,
///          `MissingLevel`, `NonFinite`, `ResultExists` (scores of another definition; hint run.overwrite=true);
///          StoppedBySignal.
ScoreResult score(const ScoreRequest& request);

/// Joins sums of the same definition over disjoint initial times and writes their scores to `run_dir`.
/// Errors:  DataError `DefinitionMismatch` naming the fields, `OverlappingTimes`.
ScoreResult merge_scores(const std::vector<std::filesystem::path>& sums_files, const ScoreRequest& request);

}  // namespace pear::forecast
