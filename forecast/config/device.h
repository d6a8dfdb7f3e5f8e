// Which device a run uses, never silently.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

namespace pear::forecast {

struct DeviceChoice {
  torch::Device device = torch::kCPU;
  std::string reason;  ///< "cuda:0 (NVIDIA …)", "cpu: this build has no CUDA", …
};

/// `auto` takes the first GPU, else the CPU; the reason says why. `auto` and `cuda` take GPU `local_rank` where several
/// processes run on one host (one after the other, from the first again when there are more processes than GPUs).
/// Errors:  DeviceError `NoSuchDevice` for `cuda` or `cuda:<n>` without such a device.
DeviceChoice choose_device(const std::string& name, int64_t local_rank = 0);

}  // namespace pear::forecast
