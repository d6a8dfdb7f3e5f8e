// What a rollout will do, decided before any work: leads, initial times, files, definition.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "forecast/rollout/rollout.h"

namespace pear::forecast {

struct RolloutPlan {
  std::vector<Time> init;                    ///< ascending
  std::vector<Duration> leads;               ///< of the output, ascending; 0 first with write_initial
  std::vector<std::filesystem::path> files;  ///< one per initial time
  std::vector<bool> done;                    ///< a complete file of the same definition exists
  std::filesystem::path folder;
  nlohmann::json definition;  ///< what must agree for a file to count as done
  std::string definition_id;
};

/// Errors: as `plan_rollout`.
RolloutPlan make_plan(const ForecastModel& model, const RolloutRequest& request);

/// Output leads of a forecast. Errors: ConfigError `BadLead` naming forecast.lead or forecast.every.
std::vector<Duration> output_leads(const ForecastConfig& config, Duration step);

}  // namespace pear::forecast
