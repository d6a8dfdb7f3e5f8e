// Which device a run uses, never silently.
#pragma once

#include <torch/types.h>

#include <string>

namespace pear::forecast {

struct DeviceChoice {
  torch::Device device = torch::kCPU;
  std::string reason;  ///< "cuda:0 (NVIDIA …)", "cpu: this build has no CUDA", …
};

/// `auto` takes the first GPU, else the CPU; the reason says why.
/// Errors:  DeviceError `NoSuchDevice` for `cuda` or `cuda:<n>` without such a device.
DeviceChoice choose_device(const std::string& name);

}  // namespace pear::forecast
