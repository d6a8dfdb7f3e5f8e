#include "base/error.h"
#include "distributed/nccl_backend.h"

namespace pear::distributed {

std::unique_ptr<Communicator> open_nccl_communicator(Communicator&, int) {
  throw CommError("NoNccl", "distributed",
                  {.what = "parallel.backend: nccl",
                   .expected = "a build with CUDA and NCCL",
                   .found = "none",
                   .hint = "set parallel.backend: mpi, or build with nccl.h and libnccl of the CUDA toolkit"});
}

std::string nccl_version() { return "none"; }

}  // namespace pear::distributed
