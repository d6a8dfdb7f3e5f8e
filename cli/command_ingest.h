// Sources -> store: one call into forecast/ingest.
#pragma once

#include "cli/commands.h"

namespace pear::cli {

CommandResult run_ingest(const Arguments& arguments);

}  // namespace pear::cli
