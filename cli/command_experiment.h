// Studies by name: one call into forecast/studies.
#pragma once

#include "cli/commands.h"

namespace pear::cli {

CommandResult run_experiment(const Arguments& arguments);

}  // namespace pear::cli
