#include "forecast/model/published_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <set>
#include <vector>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr std::string_view kOurBias = "attn.position_bias.table";
constexpr std::string_view kPublishedBias = "attn.earth_position_bias";

std::vector<int64_t> published_shape(const std::string& name, const torch::Tensor& parameter) {
  if (!name.ends_with(kOurBias)) return parameter.sizes().vec();
  const auto n = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(parameter.size(2)))));
  return {1, parameter.size(1), n, n};
}

std::string shape_text(at::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace

std::string published_name(const std::string& name) {
  if (!name.ends_with(kOurBias)) return name;
  return name.substr(0, name.size() - kOurBias.size()) + std::string(kPublishedBias);
}

bool has_published_names(const std::map<std::string, torch::Tensor>& tensors) {
  for (const auto& [name, tensor] : tensors)
    if (name.ends_with(kPublishedBias)) return true;
  return false;
}

std::map<std::string, torch::Tensor> export_published(const Network& network) {
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& item : network.named_parameters())
    tensors[published_name(item.key())] =
        item.value().detach().reshape(published_shape(item.key(), item.value())).contiguous();
  return tensors;
}

void import_weights(Network& network, const std::map<std::string, torch::Tensor>& tensors, const std::string& source) {
  const bool published = has_published_names(tensors);
  std::vector<std::string> problems;
  std::set<std::string> used;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> copies;
  for (const auto& item : network.named_parameters()) {
    const std::string name = published ? published_name(item.key()) : item.key();
    const auto shape = published ? published_shape(item.key(), item.value()) : item.value().sizes().vec();
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      problems.push_back("missing " + name + " " + shape_text(shape));
      continue;
    }
    used.insert(name);
    if (found->second.sizes() != at::IntArrayRef(shape))
      problems.push_back(
          fmt::format("{} has shape {}, expected {}", name, shape_text(found->second.sizes()), shape_text(shape)));
    else
      copies.emplace_back(item.value(), found->second);
  }
  for (const auto& [name, tensor] : tensors)
    if (!used.contains(name)) problems.push_back("surplus " + name + " " + shape_text(tensor.sizes()));
  if (!problems.empty())
    throw DataError("WeightMismatch", "forecast.model",
                    {.what = "weights in " + source + " do not fit the network",
                     .found = fmt::format("{}", fmt::join(problems, "; ")),
                     .hint = "compare model.patch, dims, depths, heads, window and data.variables with the file"});
  const torch::NoGradGuard no_grad;
  for (auto& [parameter, value] : copies) parameter.copy_(value.reshape(parameter.sizes()));
}

}  // namespace pear::forecast
