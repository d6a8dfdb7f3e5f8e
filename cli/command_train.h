// Store -> checkpoints: one call into forecast/train.
#pragma once

#include "cli/commands.h"

namespace pear::cli {

CommandResult run_train(const Arguments& arguments);

}  // namespace pear::cli
