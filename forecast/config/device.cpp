#include "forecast/config/device.h"

#include <fmt/format.h>
#include <torch/cuda.h>

#include "base/build_config.h"
#include "base/error.h"

namespace pear::forecast {

DeviceChoice choose_device(const std::string& name) {
  if (name == "cpu") return {torch::kCPU, "cpu (run.device)"};
  const int64_t num_gpus = static_cast<int64_t>(torch::cuda::device_count());
  const std::string absent = !kWithCuda ? "this build has no CUDA" : "no CUDA device is visible";
  if (name == "auto")
    return num_gpus > 0 ? DeviceChoice{torch::Device(torch::kCUDA, 0), fmt::format("cuda:0 (first of {})", num_gpus)}
                        : DeviceChoice{torch::kCPU, "cpu: " + absent};
  const int64_t index = name == "cuda" ? 0 : std::stoll(name.substr(name.find(':') + 1));
  if (index >= num_gpus)
    throw DeviceError("NoSuchDevice", "config",
                      {.what = "run.device",
                       .expected = name,
                       .found = num_gpus == 0 ? absent : fmt::format("{} CUDA devices", num_gpus),
                       .hint = "set run.device=auto or run.device=cpu"});
  return {torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(index)), name + " (run.device)"};
}

}  // namespace pear::forecast
