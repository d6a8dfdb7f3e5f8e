#include "sphere/window/nested_windows.h"

#include <fmt/format.h>

#include <regex>

#include "base/error.h"
#include "sphere/window/grid_shift.h"
#include "sphere/window/ring_shift.h"

namespace pear::sphere {
namespace {

constexpr const char* kWhere = "sphere.window";

bool is_power_of_four(int64_t v) { return v > 0 && (v & (v - 1)) == 0 && (v & 0x5555555555555555) != 0; }

void check_spec(const NestedWindowSpec& s) {
  const int64_t pixels = s.faces * s.nside * s.nside;
  if (s.faces != 8 && s.faces != 12)
    throw ShapeError("BadPartition", kWhere, {.what = fmt::format("{} faces", s.faces), .expected = "8 or 12"});
  if (!is_power_of_four(s.window_pixels))
    throw ShapeError("BadWindow", kWhere,
                     {.what = fmt::format("window of {} pixels", s.window_pixels), .expected = "a power of 4"});
  if (s.window_pixels > pixels || pixels % s.window_pixels != 0)
    throw ShapeError(
        "BadWindow", kWhere,
        {.what = fmt::format("window of {} pixels", s.window_pixels),
         .expected = fmt::format("a divisor of the {} tokens of this scale (token nside {})", pixels, s.nside),
         .hint = "use a smaller window, a smaller patch or a larger nside"});
  if (s.window_stack < 1 || s.num_stack % s.window_stack != 0)
    throw ShapeError("BadWindow", kWhere,
                     {.what = fmt::format("window of {} stack slots", s.window_stack),
                      .expected = fmt::format("a divisor of the {} slots", s.num_stack)});
}

torch::Tensor as_tensor(const std::vector<int64_t>& v, int64_t columns) {
  return torch::tensor(v, torch::kInt64).view({-1, columns});
}

WindowPartition::Lists plain_lists(const NestedWindowSpec& s) {
  check_spec(s);
  WindowPartition::Lists lists;
  lists.num_stack = s.num_stack;
  lists.num_pixels = s.faces * s.nside * s.nside;
  lists.pixel_source = torch::arange(lists.num_pixels, torch::kInt64).view({-1, s.window_pixels});
  lists.stack_source = torch::arange(lists.num_stack, torch::kInt64).view({-1, s.window_stack});
  return lists;
}

int64_t number(const std::string& text) { return std::stoll(text); }

PixelShift shift_from_text(const NestedWindowSpec& s, const std::string& text, const std::string& whole) {
  static const std::regex kForm(
      R"((spiral|per_ring|roll)([+-]\d{1,6})(?::(published|wrap_only|refill))?|grid(?::(ascending|orbit))?)");
  std::smatch m;
  if (!std::regex_match(text, m, kForm))
    throw ConfigError(
        "UnknownPartition", kWhere,
        {.what = "partition '" + whole + "'",
         .expected = "spiral+4:published, spiral-4:wrap_only, per_ring+4, roll+2, grid or grid:ascending"});
  if (!m[1].matched)
    return grid_shift(s.nside, s.faces, s.window_pixels, m[4] == "ascending" ? HoleFill::Ascending : HoleFill::Orbit);
  const int64_t shift = number(m[2]);
  if (m[1] == "roll") return nest_roll(s.nside, s.faces, s.window_pixels, shift);
  const RingMask mask = m[3] == "wrap_only" ? RingMask::WrapOnly
                        : m[3] == "refill"  ? RingMask::Refill
                                            : RingMask::Published;
  return m[1] == "per_ring" ? per_ring_shift(s.nside, shift)
                            : spiral_shift(s.nside, s.faces, s.window_pixels, shift, mask);
}

}  // namespace

PartitionPtr nested_windows(const NestedWindowSpec& spec) {
  return std::make_shared<const WindowPartition>(plain_lists(spec));
}

PartitionPtr shifted_nested_windows(const NestedWindowSpec& spec, const PixelShift& shift) {
  auto lists = plain_lists(spec);
  if (static_cast<int64_t>(shift.source.size()) != lists.num_pixels)
    throw ShapeError("SizeMismatch", kWhere,
                     {.what = "pixel shift",
                      .expected = fmt::format("{} pixels", lists.num_pixels),
                      .found = fmt::format("{}", shift.source.size())});
  lists.pixel_source = as_tensor(shift.source, spec.window_pixels);
  if (!shift.label.empty())
    lists.pixel_label = torch::tensor(shift.label, torch::kInt32).view({-1, spec.window_pixels});
  const int64_t s = spec.window_stack / 2, z = spec.num_stack;
  if (s > 0 && z > spec.window_stack) {
    lists.stack_source = torch::arange(z, torch::kInt64).add(s).remainder(z).view({-1, spec.window_stack});
    lists.stack_label = (torch::arange(z, torch::kInt64) >= z - s).to(torch::kInt32).view({-1, spec.window_stack});
  }
  return std::make_shared<const WindowPartition>(std::move(lists));
}

PartitionPtr partition_from_spec(const std::string& spec, int64_t num_stack) {
  static const std::regex kForm(R"(nested(8)?:n(\d{1,6}):(\d{1,4})x(\d{1,8})(?::(.+))?)");
  std::smatch m;
  if (!std::regex_match(spec, m, kForm))
    throw ConfigError("UnknownPartition", kWhere,
                      {.what = "partition '" + spec + "'", .expected = "nested:n16:2x64 or nested:n16:2x64:SHIFT"});
  const NestedWindowSpec s{number(m[2]), m[1].matched ? 8 : 12, num_stack, number(m[3]), number(m[4])};
  if (!m[5].matched) return nested_windows(s);
  return shifted_nested_windows(s, shift_from_text(s, m[5], spec));
}

}  // namespace pear::sphere
