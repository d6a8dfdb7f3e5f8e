// The layout of the state as the configuration alone describes it, without a store.
#pragma once

#include <optional>

#include "forecast/config/run_config.h"
#include "forecast/state/state.h"

namespace pear::forecast {

/// Variables of `data` in configured order on `grid`; the variable table says which lie at the surface.
/// Empty if no variables are named. Errors: ConfigError `UnknownVariable`.
std::optional<StateLayout> layout_from_config(const RunConfig& config);

}  // namespace pear::forecast
