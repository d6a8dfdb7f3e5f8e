// The MPI back end; CMake takes mpi_communicator.cpp or no_mpi_communicator.cpp.
#pragma once

#include <memory>

#include "distributed/communicator.h"

namespace pear::distributed {

/// Errors:  as open_communicator.
std::unique_ptr<Communicator> open_mpi_communicator(const Launch& launch, std::chrono::milliseconds timeout);

}  // namespace pear::distributed
