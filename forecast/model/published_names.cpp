#include "forecast/model/published_names.h"

#include <cmath>
#include <string_view>
#include <utility>

#include "sphere/attention/load_weights.h"

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

/// Ours [T, H, R] -> published: a view [1, H, N, N], or [R, T, H].
torch::Tensor published_value(const std::string& name, const torch::Tensor& parameter, const PublishedStyle& style) {
  if (!name.ends_with(kOurBias)) return parameter;
  if (style.has_typed_bias) return parameter.permute({2, 0, 1});
  const auto n = static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(parameter.size(2)))));
  return parameter.view({1, parameter.size(1), n, n});
}

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
  sphere::NamedTensors targets;  // views: a copy into them changes the parameters
  for (const auto& item : network.named_parameters())
    targets[published ? published_name(item.key(), style) : item.key()] =
        published ? published_value(item.key(), item.value().detach(), style) : item.value().detach();
  sphere::copy_weights(targets, tensors,
                       {.where = "forecast.model",
                        .name = source,
                        .hint = "compare model.patch, dims, depths, heads, window and data.variables with the file"});
}

}  // namespace pear::forecast
