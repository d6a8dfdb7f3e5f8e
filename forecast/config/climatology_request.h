// The request for the climatology that a configuration describes; the same for the verb, for scores and for forecasts.
#pragma once

#include <memory>

#include "forecast/config/run_config.h"
#include "forecast/verify/climatology.h"
#include "io/store.h"

namespace pear::forecast {

/// Period data.train unless climatology.period is set; file in the run folder unless climatology.file is set.
ClimatologyRequest climatology_request(const RunConfig& config, std::shared_ptr<const io::Store> store);

}  // namespace pear::forecast
