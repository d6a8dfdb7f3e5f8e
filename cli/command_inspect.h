// What is this? Recognises the path and asks the library that owns it.
#pragma once

#include "cli/commands.h"

namespace pear::cli {

CommandResult run_inspect(const Arguments& arguments);

}  // namespace pear::cli
