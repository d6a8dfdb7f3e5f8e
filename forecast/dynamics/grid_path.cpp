#include "forecast/dynamics/grid_path.h"

#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "base/error.h"
#include "forecast/dynamics/fused_block.h"

namespace pear::forecast {

bool takes_loops(GridPath path, int64_t num_layers, std::initializer_list<torch::Tensor> arguments) {
  if (path == GridPath::Tensor) return false;
  const char* obstacle = num_layers > kMaxFusedLayers ? "too many layers" : nullptr;
  for (const torch::Tensor& t : arguments) {
    if (!t.defined()) continue;
    if (!t.is_cpu()) obstacle = "a tensor that is not on the CPU";
    if (at::GradMode::is_enabled() && t.requires_grad()) obstacle = "a tensor whose gradient is recorded";
    if (t.scalar_type() != torch::kFloat32 && t.scalar_type() != torch::kFloat64) obstacle = "another data type";
  }
  if (obstacle && path == GridPath::Fused)
    throw ConfigError(
        "FusedPath", "dynamics",
        {.what = "fused loops were asked for",
         .expected = fmt::format("float32 or float64 on the CPU, no gradients, at most {} layers", kMaxFusedLayers),
         .found = obstacle,
         .hint = "leave the path Automatic"});
  return obstacle == nullptr;
}

}  // namespace pear::forecast
