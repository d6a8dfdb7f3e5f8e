#include "forecast/model/published_names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr std::string_view kOurBias = "attn.position_bias.table";
constexpr std::string_view kPublishedBias = "attn.earth_position_bias";
constexpr std::string_view kTypedBias = "attn.earth_position_bias_table";

/// Starts of names: ours, the baseline's.
constexpr std::pair<std::string_view, std::string_view> kBaselineNames[] = {
    {"patch_embed.proj_surface.", "patchembed2d.proj."},
    {"patch_embed.proj_upper.", "patchembed3d.proj."},
    {"layers.0.", "layer1."},
    {"layers.1.", "layer2."},
    {"layers.2.", "layer3."},
    {"layers.3.", "layer4."},
    {"downsample.reduction.", "downsample.linear."},
    {"upsample.expand.", "upsample.linear1."},
    {"upsample.linear.", "upsample.linear2."},
    {"final_up.conv_surface.", "patchrecovery2d.conv."},
    {"final_up.conv_upper.", "patchrecovery3d.conv."}};

std::string baseline_name(const std::string& name) {
  for (const auto& [ours, theirs] : kBaselineNames)
    if (name.starts_with(ours)) return std::string(theirs) + name.substr(ours.size());
  return name;
}

/// Ours [T, H, R] -> published: [1, H, N, N], or [R, T, H].
torch::Tensor published_value(const std::string& name, const torch::Tensor& parameter, const PublishedStyle& style) {
  if (!name.ends_with(kOurBias)) return parameter;
  if (style.has_typed_bias) return parameter.permute({2, 0, 1});
  const auto n = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(parameter.size(2)))));
  return parameter.reshape({1, parameter.size(1), n, n});
}

/// A published tensor in the shape of our parameter.
torch::Tensor our_value(const std::string& name, const torch::Tensor& published, const torch::Tensor& parameter,
                        const PublishedStyle& style) {
  if (name.ends_with(kOurBias) && style.has_typed_bias) return published.permute({1, 2, 0});
  return published.reshape(parameter.sizes());
}

std::string shape_text(at::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace

std::string published_name(const std::string& name, const PublishedStyle& style) {
  const std::string own = style.has_baseline_names ? baseline_name(name) : name;
  if (!own.ends_with(kOurBias)) return own;
  return own.substr(0, own.size() - kOurBias.size()) + std::string(style.has_typed_bias ? kTypedBias : kPublishedBias);
}

bool has_published_names(const std::map<std::string, torch::Tensor>& tensors) {
  for (const auto& [name, tensor] : tensors)
    if (name.ends_with(kPublishedBias) || name.ends_with(kTypedBias)) return true;
  return false;
}

std::map<std::string, torch::Tensor> export_published(const Network& network) {
  const PublishedStyle style = network.published_style();
  std::map<std::string, torch::Tensor> tensors;
  for (const auto& item : network.named_parameters())
    tensors[published_name(item.key(), style)] = published_value(item.key(), item.value().detach(), style).contiguous();
  return tensors;
}

void import_weights(Network& network, const std::map<std::string, torch::Tensor>& tensors, const std::string& source) {
  const bool published = has_published_names(tensors);
  const PublishedStyle style = network.published_style();
  std::vector<std::string> problems;
  std::set<std::string> used;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> copies;
  for (const auto& item : network.named_parameters()) {
    const std::string name = published ? published_name(item.key(), style) : item.key();
    const auto shape =
        (published ? published_value(item.key(), item.value().detach(), style) : item.value()).sizes().vec();
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
      copies.emplace_back(item.value(),
                          published ? our_value(item.key(), found->second, item.value(), style) : found->second);
  }
  for (const auto& [name, tensor] : tensors)
    if (!used.contains(name)) problems.push_back("surplus " + name + " " + shape_text(tensor.sizes()));
  if (!problems.empty())
    throw DataError("WeightMismatch", "forecast.model",
                    {.what = "weights in " + source + " do not fit the network",
                     .found = fmt::format("{}", fmt::join(problems, "; ")),
                     .hint = "compare model.patch, dims, depths, heads, window and data.variables with the file"});
  const torch::NoGradGuard no_grad;
  for (auto& [parameter, value] : copies) parameter.copy_(value);
}

}  // namespace pear::forecast
