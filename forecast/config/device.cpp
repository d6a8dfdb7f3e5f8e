#include "forecast/config/device.h"

#include <fmt/format.h>
#include <torch/cuda.h>

#include "base/build_config.h"
#include "base/error.h"

namespace pear::forecast {

DeviceChoice choose_device(const std::string& name, int64_t local_rank) {
  if (name == "cpu") return {torch::kCPU, "cpu (run.device)"};
  const int64_t num_gpus = static_cast<int64_t>(torch::cuda::device_count());
  const std::string absent = !kWithCuda ? "this build has no CUDA" : "no CUDA device is visible";
  const int64_t own = num_gpus > 0 ? local_rank % num_gpus : 0;
  if (name == "auto" && num_gpus == 0) return {torch::kCPU, "cpu: " + absent};
  if (name == "auto")
    return {torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(own)),
            fmt::format("cuda:{} ({} of {})", own, local_rank == 0 ? "first" : fmt::format("local rank {}", local_rank),
                        num_gpus)};
  const int64_t index = name == "cuda" ? own : std::stoll(name.substr(name.find(':') + 1));
  if (index >= num_gpus)
    throw DeviceError("NoSuchDevice", "config",
                      {.what = "run.device",
                       .expected = name,
                       .found = num_gpus == 0 ? absent : fmt::format("{} CUDA devices", num_gpus),
                       .hint = "set run.device=auto or run.device=cpu"});
  return {torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(index)), name + " (run.device)"};
}

}  // namespace pear::forecast
