// Looks ahead to another verb without changing anything.
#pragma once

#include "cli/commands.h"

namespace pear::cli {

CommandResult run_check(const Arguments& arguments);

}  // namespace pear::cli
