// What `experiment` asks of the comparison of grids.
#pragma once

#include "forecast/config/run_config.h"
#include "forecast/studies/grid_comparison.h"

namespace pear::cli {

/// Sections as for the verbs of the chain; grid and model of each arm stand in experiment.arms.
/// Errors:  ConfigError `MissingKey`.
forecast::ComparisonRequest comparison_request(const forecast::RunConfig& config);

}  // namespace pear::cli
