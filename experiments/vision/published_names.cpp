#include "experiments/vision/published_names.h"

#include <string_view>
#include <utility>

namespace pear::vision {
namespace {

/// Starts and ends of names: ours, the published program's. The first start that fits counts.
constexpr std::pair<std::string_view, std::string_view> kStarts[] = {
    {"trunk.layers_up.", "decoder.layers_up."},
    {"trunk.concat_back_dim.", "decoder.concat_back_dim."},
    {"trunk.norm_up.", "decoder.norm_up."},
    {"trunk.", ""},
    {"head.", "decoder."}};
constexpr std::string_view kOurScale = "attn.log_scale", kScale = "attn.logit_scale";
constexpr std::string_view kOurBias = "attn.position_bias.table", kBias = "attn.relative_position_bias_table";

std::string with_end(const std::string& name, std::string_view ours, std::string_view theirs) {
  return name.ends_with(ours) ? name.substr(0, name.size() - ours.size()) + std::string(theirs) : name;
}

}  // namespace

std::string published_name(const std::string& name) {
  std::string published = name;
  for (const auto& [ours, theirs] : kStarts)
    if (name.starts_with(ours)) {
      published = std::string(theirs) + name.substr(ours.size());
      break;
    }
  return with_end(with_end(published, kOurScale, kScale), kOurBias, kBias);
}

torch::Tensor published_value(const std::string& name, const torch::Tensor& value) {
  if (name.ends_with(kOurScale)) return value.view({-1, 1, 1});
  if (name.ends_with(kOurBias)) return value.select(0, 0).t();  // one type: [1, H, R] -> [R, H]
  return value;
}

sphere::NamedTensors export_published(const HealSwinImpl& network) {
  sphere::NamedTensors tensors;
  for (const auto& item : network.named_parameters())
    tensors[published_name(item.key())] = published_value(item.key(), item.value().detach());
  return tensors;
}

void import_published(HealSwinImpl& network, const sphere::NamedTensors& tensors, const std::string& source) {
  sphere::copy_weights(export_published(network), tensors,
                       {.where = "experiments.vision",
                        .name = source,
                        .hint = "compare vision.patch, embed, depths, heads, window and outputs with the file"});
}

}  // namespace pear::vision
