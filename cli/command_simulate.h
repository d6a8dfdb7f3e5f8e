// `pear simulate`.
#pragma once

#include "cli/commands.h"

namespace pear::cli {

CommandResult run_simulate(const Arguments& arguments);

}  // namespace pear::cli
