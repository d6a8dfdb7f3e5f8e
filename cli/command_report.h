// The verb `report`: scores and forecasts of a run folder -> report.html.
#pragma once

#include "cli/commands.h"

namespace pear::cli {

CommandResult run_report(const Arguments& arguments);

}  // namespace pear::cli
