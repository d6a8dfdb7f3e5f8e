#include "sphere/attention/load_weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "base/error.h"

namespace pear::sphere {
namespace {

std::string shape_text(at::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace

void copy_weights(const NamedTensors& targets, const NamedTensors& tensors, const WeightSource& source) {
  std::vector<std::string> problems;
  for (const auto& [name, target] : targets) {
    const auto found = tensors.find(name);
    if (found == tensors.end())
      problems.push_back("missing " + name + " " + shape_text(target.sizes()));
    else if (found->second.sizes() != target.sizes())
      problems.push_back(fmt::format("{} has shape {}, expected {}", name, shape_text(found->second.sizes()),
                                     shape_text(target.sizes())));
  }
  for (const auto& [name, tensor] : tensors)
    if (!targets.contains(name)) problems.push_back("surplus " + name + " " + shape_text(tensor.sizes()));
  if (!problems.empty())
    throw DataError("WeightMismatch", source.where,
                    {.what = "weights in " + source.name + " do not fit the network",
                     .found = fmt::format("{}", fmt::join(problems, "; ")),
                     .hint = source.hint});
  const torch::NoGradGuard no_grad;
  for (const auto& [name, target] : targets) {
    torch::Tensor view = target;
    view.copy_(tensors.at(name));
  }
}

}  // namespace pear::sphere
