#include "forecast/model/pear.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sphere/window/grid_shift.h"
#include "sphere/window/nested_windows.h"
#include "sphere/window/ring_shift.h"

namespace pear::forecast {
namespace {

constexpr const char* kWhere = "forecast.pear";

int64_t side_of(int64_t square) { return static_cast<int64_t>(std::lround(std::sqrt(static_cast<double>(square)))); }

Windows make_windows(const ModelConfig& config, const PearExtents& e, int64_t token_nside) {
  const sphere::NestedWindowSpec spec{token_nside, 12, e.num_stack, e.window_stack, config.window[1]};
  const int64_t s = config.ring_shift > 0 ? config.ring_shift : side_of(config.window[1]) / 2;
  Windows p;
  p.bias.kind = config.bias_kind() == "none" ? sphere::BiasKind::None : sphere::BiasKind::Single;
  p.plain = sphere::nested_windows(spec);
  p.shifted = p.plain;
  if (config.shift_kind() == "none") return p;
  const auto mask = config.masks_wrap_only() ? sphere::RingMask::WrapOnly : sphere::RingMask::Published;
  sphere::PixelShift shift;
  if (config.shift_kind() == "spiral")
    shift = sphere::spiral_shift(token_nside, 12, config.window[1], s, mask);
  else if (config.shift_kind() == "per_ring")
    shift = sphere::per_ring_shift(token_nside, s);
  else
    shift = sphere::grid_shift(token_nside, 12, config.window[1], sphere::HoleFill::Orbit);
  p.shifted = sphere::shifted_nested_windows(spec, shift);
  return p;
}

}  // namespace

PearExtents pear_extents(const ModelConfig& config, const StateLayout& layout) {
  const auto fail = [&](const std::string& expected, const std::string& hint) -> void {
    throw ConfigError(
        "BadModelGrid", kWhere,
        {.what = "grid and model.patch", .expected = expected, .found = "grid " + layout.grid.spec(), .hint = hint});
  };
  if (!layout.grid.is_healpix() || layout.grid.healpix().order != sphere::PixelOrder::Nested)
    fail("a nested HEALPix grid", "set grid: healpix:64");
  PearExtents e{stack_extents(config, layout)};
  e.nside = layout.grid.healpix().nside;
  const int64_t side = side_of(config.patch[1]);
  if (e.nside % (2 * side) != 0)
    fail(fmt::format("an nside that is a multiple of {} (patch side {} times 2 for the coarse stages)", 2 * side, side),
         "use a smaller model.patch or a larger nside");
  e.token_nside = e.nside / side;
  e.token_pixels = 12 * e.token_nside * e.token_nside;
  if (config.window[1] > 12 * (e.token_nside / 2) * (e.token_nside / 2))
    throw ShapeError("BadWindow", kWhere,
                     {.what = fmt::format("model.window of {} tokens", config.window[1]),
                      .expected = fmt::format("at most the {} tokens of the coarse stages",
                                              12 * (e.token_nside / 2) * (e.token_nside / 2)),
                      .hint = "use a smaller model.window or model.patch, or a larger nside"});
  return e;
}

namespace {

Windows own_windows(Windows all, const DomainPart& part) {
  if (part.num_parts == 1) return all;
  all.plain = sphere::part_of(all.plain, part.num_parts, part.part, part.make_exchange);
  all.shifted = sphere::part_of(all.shifted, part.num_parts, part.part, part.make_exchange);
  return all;
}

Geometry make_geometry(const ModelConfig& config, const StateLayout& layout, const DomainPart& part) {
  const PearExtents e = pear_extents(config, layout);
  return {.stack = e,
          .patching = {part.count_of(e.token_pixels), nullptr},
          .children = nullptr,
          .fine = own_windows(make_windows(config, e, e.token_nside), part),
          .coarse = own_windows(make_windows(config, e, e.token_nside / 2), part),
          .num_parts = part.num_parts};
}

}  // namespace

std::vector<int64_t> exchange_bytes(const ModelConfig& config, const StateLayout& layout, int64_t num_parts) {
  std::vector<int64_t> bytes(config.depths.size(), 0);
  if (num_parts == 1) return bytes;
  require_parts(config, layout, num_parts);
  const PearExtents e = pear_extents(config, layout);
  for (size_t stage = 0; stage < bytes.size(); ++stage) {
    const bool is_fine = stage == 0 || stage + 1 == bytes.size();
    const auto shifted = make_windows(config, e, is_fine ? e.token_nside : e.token_nside / 2).shifted;
    int64_t tokens = 0;
    for (int64_t part = 0; part < num_parts; ++part) {
      const auto plan = sphere::exchange_plan_of(*shifted, num_parts, part);
      tokens = std::max(tokens, plan.num_sent() + plan.inverse().num_sent());
    }
    const int64_t odd_blocks = config.depths[stage] / 2;
    bytes[stage] = odd_blocks * tokens * e.num_stack * config.dims[stage] * static_cast<int64_t>(sizeof(float));
  }
  return bytes;
}

Pear::Pear(const ModelConfig& config, const StateLayout& layout, const DomainPart& part)
    : WindowNetwork(config, layout, make_geometry(config, layout, part)) {}

}  // namespace pear::forecast
