#include "cli/libraries.h"

namespace pear::cli {

std::string cuda_version() { return "none"; }

}  // namespace pear::cli
