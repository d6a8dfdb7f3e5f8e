#include "distributed/launcher.h"

namespace pear::distributed {

std::string mpi_version() { return "none"; }

}  // namespace pear::distributed
