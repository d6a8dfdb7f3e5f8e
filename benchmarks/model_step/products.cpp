#include "benchmarks/model_step/products.h"

#include <torch/types.h>

#include "base/error.h"

namespace pear::benchmarks {
namespace {

template <class Value>
Value of_longest_start(const std::map<std::string, Value>& by_start, const std::string& name) {
  const std::pair<const std::string, Value>* best = nullptr;
  for (const auto& entry : by_start)
    if (name.starts_with(entry.first + ".") && (best == nullptr || entry.first.size() > best->first.size()))
      best = &entry;
  if (best == nullptr)
    throw ConfigError("NoExtent", "benchmarks.model_step",
                      {.what = "number of rows that parameter " + name + " is multiplied with", .found = "none"});
  return best->second;
}

}  // namespace

double products_gflop(const torch::nn::Module& network, const Extents& extents) {
  double flop = 0;
  for (const auto& item : network.named_parameters()) {
    const auto& name = item.key();
    if (item.value().dim() < 2 || !name.ends_with(".weight")) continue;
    flop += 2.0 * static_cast<double>(item.value().numel() * of_longest_start(extents.rows, name));
    if (!name.ends_with("attn.proj.weight")) continue;
    const WindowCount w = of_longest_start(extents.windows, name);
    flop += 4.0 * static_cast<double>(w.windows * w.tokens * w.tokens * item.value().size(0));
  }
  return 1e-9 * flop;
}

}  // namespace pear::benchmarks
