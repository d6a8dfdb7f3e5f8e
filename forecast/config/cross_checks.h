// Checks that need the configuration and the data together; they name both sides.
#pragma once

#include "forecast/config/run_config.h"
#include "io/store.h"

namespace pear::forecast {

/// Errors:  DataError `GridMismatch` (grid against data.store), `MissingVariable`, `MissingLevel`.
void check_config_fits_store(const RunConfig& config, const io::Store& store);

/// What a period finds in a store.
struct PeriodCover {
  std::string key;  ///< "data.train", …
  size_t num_asked = 0, num_present = 0;
  std::vector<Time> missing;
};
/// One entry for each of data.train, data.select, data.test that is set. A period is asked on its own step.
std::vector<PeriodCover> cover_of_periods(const RunConfig& config, const io::Store& store);

}  // namespace pear::forecast
