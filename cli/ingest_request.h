// What `ingest` and `check` ask of forecast/ingest.
#pragma once

#include "forecast/config/run_config.h"
#include "forecast/ingest/ingest.h"

namespace pear::cli {

/// Times are those of data.train, data.select and data.test at the spacing data.every; all that the sources hold when
/// no period is set. Statistics are those of the training period unless ingest.statistics=all. A network that predicts tendencies also needs their statistics.
forecast::IngestRequest ingest_request(const forecast::RunConfig& config);

}  // namespace pear::cli
