// A run as SLURM jobs, and what became of them: calls into forecast/submit.
#pragma once

#include "cli/commands.h"

namespace pear::cli {

CommandResult run_submit(const Arguments& arguments);

}  // namespace pear::cli
