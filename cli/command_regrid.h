// Field files -> another grid: one call into regrid.
#pragma once

#include "cli/commands.h"

namespace pear::cli {

CommandResult run_regrid(const Arguments& arguments);

}  // namespace pear::cli
