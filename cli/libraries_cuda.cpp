#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include "cli/libraries.h"

namespace pear::cli {

std::string cuda_version() {
  int v = 0;
  if (cudaRuntimeGetVersion(&v) != cudaSuccess) return "unknown";
  return fmt::format("{}.{}", v / 1000, v % 1000 / 10);
}

}  // namespace pear::cli
