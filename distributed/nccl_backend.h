// The NCCL back end; CMake takes nccl_communicator.cpp or no_nccl_communicator.cpp.
#pragma once

#include <memory>
#include <string>

#include "distributed/communicator.h"

namespace pear::distributed {

/// Gradients between GPUs. `start_all_to_all` and `start_all_gather` take device memory of GPU `device`; they run on a
/// stream of their own, after what is enqueued on the default stream at the call. Everything else, and the start
/// (NCCL's identifier travels by broadcast), goes through `control`, which must outlive the result. Collective.
///
/// Errors:  DeviceError `NoGpu` on all ranks if one of them has no GPU of that index; CommError `NoNccl` in a build
///          without NCCL, `NcclFailed` with the library's text, `TimedOut` (the communicator is then aborted).
std::unique_ptr<Communicator> open_nccl_communicator(Communicator& control, int device);

/// "2.28.9", or "none" in a build without NCCL.
std::string nccl_version();

}  // namespace pear::distributed
