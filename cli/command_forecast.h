// Model -> forecast files: one call into forecast/rollout.
#pragma once

#include "cli/commands.h"

namespace pear::cli {

CommandResult run_forecast(const Arguments& arguments);

}  // namespace pear::cli
