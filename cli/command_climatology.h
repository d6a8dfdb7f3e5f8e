// Store -> climatology: one call into forecast/verify.
#pragma once

#include "cli/commands.h"

namespace pear::cli {

CommandResult run_climatology(const Arguments& arguments);

}  // namespace pear::cli
