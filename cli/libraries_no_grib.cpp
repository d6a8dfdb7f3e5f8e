#include "cli/libraries.h"

namespace pear::cli {

std::string eccodes_version() { return "none"; }

}  // namespace pear::cli
