// Forecasts -> scores: one call into forecast/verify.
#pragma once

#include "cli/commands.h"

namespace pear::cli {

CommandResult run_score(const Arguments& arguments);

}  // namespace pear::cli
