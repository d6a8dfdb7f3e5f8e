#include "forecast/state/state.h"

#include <ATen/ops/cat.h>
#include <fmt/format.h>

#include "base/error.h"

namespace pear::forecast {

std::vector<std::string> StateLayout::channel_names() const {
  std::vector<std::string> names = surface;
  for (const auto& variable : upper)
    for (double level : levels_hpa) names.push_back(fmt::format("{}{}", variable, level));
  return names;
}

torch::Tensor State::channels() const {
  PEAR_ASSERT(surface.defined() || upper.defined());
  if (!upper.defined()) return surface;
  const auto flat = upper.flatten(1, 2);
  return surface.defined() ? at::cat({surface, flat}, 1) : flat;
}

State State::from_channels(const torch::Tensor& channels, const StateLayout& layout) {
  if (channels.dim() != 3 || channels.size(1) != layout.num_channels())
    throw ShapeError("SizeMismatch", "forecast.state",
                     {.what = "channels",
                      .expected = fmt::format("[B, {}, P]", layout.num_channels()),
                      .found = fmt::format("[{}]", fmt::join(channels.sizes(), ", "))});
  State state;
  const int64_t surface = layout.num_surface(), upper = layout.num_upper() * layout.num_levels();
  if (surface > 0) state.surface = channels.narrow(1, 0, surface);
  if (upper > 0)
    state.upper = channels.narrow(1, surface, upper)
                      .reshape({channels.size(0), layout.num_upper(), layout.num_levels(), channels.size(2)});
  return state;
}

State State::to(const torch::Device& device) const {
  return {surface.defined() ? surface.to(device) : surface, upper.defined() ? upper.to(device) : upper};
}

}  // namespace pear::forecast
