#include <fmt/format.h>

#include "base/error.h"
#include "distributed/mpi_backend.h"

namespace pear::distributed {

std::unique_ptr<Communicator> open_mpi_communicator(const Launch& launch, std::chrono::milliseconds) {
  throw CommError("NoMpi", "distributed",
                  {.what = fmt::format("{} started {} processes", launch.launcher, launch.size),
                   .expected = "one process: this build has no MPI",
                   .found = fmt::format("rank {} of {}", launch.rank, launch.size),
                   .hint = "build with -DPEAR_MPI=ON, or start pear alone"});
}

}  // namespace pear::distributed
