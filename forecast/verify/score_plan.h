// What a comparison scores: models, times, leads, channels, regions, and what it must leave out.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "forecast/verify/climatology.h"
#include "forecast/verify/forecast_set.h"
#include "forecast/verify/score.h"
#include "forecast/verify/sums.h"

namespace pear::forecast {

/// One variable and where it lies in every source; levels by value, never by position.
struct ScoredVariable {
  SumsVariable info;
  size_t truth_variable = 0;
  size_t climatology_variable = 0;
  std::vector<size_t> truth_levels, climatology_levels;
  std::vector<size_t> forecast_variable;             ///< per model
  std::vector<std::vector<size_t>> forecast_levels;  ///< per model
};

struct ScorePlan {
  ScoreConfig config;  ///< with the protocol applied
  std::vector<ForecastSet> sets;
  std::vector<std::string> references;
  std::vector<Time> init;  ///< union over the models
  std::vector<Duration> leads;
  std::vector<ScoredVariable> variables;
  std::vector<Region> regions;
  std::shared_ptr<const Climatology> climatology;  ///< null if nothing needs one
  std::vector<MissingPair> missing;
  std::vector<std::string> warnings;
  nlohmann::json definition;  ///< of the sums
  nlohmann::json request;     ///< of everything that is written: same request, same scores

  bool is_missing(Time init, Duration lead) const;
};

/// metrics and region of `protocol: pear`.
ScoreConfig apply_protocol(const ScoreConfig& config);

/// Errors: as score().
ScorePlan make_score_plan(const ScoreRequest& request);

/// Reads every needed slab once and fills the sums; with several processes each reads its share, and all have all sums.
SumsTable accumulate_sums(const ScorePlan& plan, const io::Store& truth, distributed::Communicator* communicator);

}  // namespace pear::forecast
