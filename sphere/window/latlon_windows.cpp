#include "sphere/window/latlon_windows.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace pear::sphere {
namespace {

constexpr const char* kWhere = "sphere.window";
constexpr int32_t kPadLabel = -1;  // no region of real tokens has it

/// A padded grid cut into blocks; walks its slots block by block, row-major in both.
struct Blocks {
  int64_t rows, columns, block_rows, block_columns;
  LatLonPads pads;

  int64_t padded_rows() const { return rows + pads.top + pads.bottom; }
  int64_t padded_columns() const { return columns + pads.left + pads.right; }

  void check(const char* what) const {
    if (rows < 1 || columns < 1 || std::min({pads.top, pads.bottom, pads.left, pads.right}) < 0)
      throw ShapeError("BadPads", kWhere,
                       {.what = fmt::format("{} x {} tokens, pads {} {} {} {}", rows, columns, pads.top, pads.bottom,
                                            pads.left, pads.right),
                        .expected = "a grid with pads that are not negative"});
    if (block_rows < 1 || block_columns < 1 || padded_rows() % block_rows != 0 || padded_columns() % block_columns != 0)
      throw ShapeError("BadWindow", kWhere,
                       {.what = fmt::format("{} of {} x {} tokens", what, block_rows, block_columns),
                        .expected = fmt::format("divisors of the {} rows and {} columns (pads included)", padded_rows(),
                                                padded_columns()),
                        .hint = "change the grid, the patch or the window, or allow pads"});
  }

  /// Calls f(a, b) for every slot (row a, column b of the padded grid).
  template <class F>
  void for_each(F&& f) const {
    for (int64_t a0 = 0; a0 < padded_rows(); a0 += block_rows)
      for (int64_t b0 = 0; b0 < padded_columns(); b0 += block_columns)
        for (int64_t a = a0; a < a0 + block_rows; ++a)
          for (int64_t b = b0; b < b0 + block_columns; ++b) f(a, b);
  }

  /// Cell of a padded position, -1 in the pads.
  int64_t cell(int64_t a, int64_t b) const {
    const int64_t row = a - pads.top, column = b - pads.left;
    return row >= 0 && row < rows && column >= 0 && column < columns ? row * columns + column : -1;
  }

  torch::Tensor by_block(const std::vector<int64_t>& v) const {
    return torch::tensor(v, torch::kInt64).view({-1, block_rows * block_columns});
  }
};

Blocks blocks_of(const LatLonWindowSpec& s) { return {s.rows, s.columns, s.window_rows, s.window_columns, s.pads}; }

void check_spec(const LatLonWindowSpec& s) {
  blocks_of(s).check("window");
  if (s.window_stack < 1 || s.num_stack % s.window_stack != 0)
    throw ShapeError("BadWindow", kWhere,
                     {.what = fmt::format("window of {} stack slots", s.window_stack),
                      .expected = fmt::format("a divisor of the {} slots", s.num_stack)});
  if (s.pads.in_longitude() && s.lon_mask == LonMask::Periodic)
    throw ShapeError("BadPads", kWhere,
                     {.what = fmt::format("{} columns of zero tokens", s.pads.left + s.pads.right),
                      .expected = "none where longitude is periodic",
                      .hint = "use a number of columns that is a multiple of the window"});
}

void check_shift(const LatLonWindowSpec& s, const LatLonShift& shift) {
  const auto fits = [](int64_t value, int64_t window) { return value >= 0 && (value < window || value == 0); };
  if (fits(shift.stack, s.window_stack) && fits(shift.rows, s.window_rows) && fits(shift.columns, s.window_columns))
    return;
  throw ShapeError("BadShift", kWhere,
                   {.what = fmt::format("shift ({}, {}, {})", shift.stack, shift.rows, shift.columns),
                    .expected = fmt::format("from 0 to less than the window ({}, {}, {})", s.window_stack,
                                            s.window_rows, s.window_columns)});
}

torch::Tensor bias_types(const LatLonWindowSpec& s) {
  const Blocks blocks = blocks_of(s);
  const int64_t row_windows = blocks.padded_rows() / s.window_rows,
                column_windows = blocks.padded_columns() / s.window_columns;
  return torch::arange(s.num_stack / s.window_stack * row_windows, torch::kInt64).repeat_interleave(column_windows);
}

/// 0, 1 or 2: before the last window, in it, wrapped around. Only the last window holds two of them.
int32_t segment(int64_t position, int64_t extent, int64_t window, int64_t shift) {
  return position < extent - window ? 0 : position < extent - shift ? 1 : 2;
}

WindowPartition::Lists make_lists(const LatLonWindowSpec& s, const LatLonShift& shift) {
  const Blocks blocks = blocks_of(s);
  const int64_t rows = blocks.padded_rows(), columns = blocks.padded_columns();
  std::vector<int64_t> source, label;
  blocks.for_each([&](int64_t a, int64_t b) {
    const int64_t cell = blocks.cell((a + shift.rows) % rows, (b + shift.columns) % columns);
    const bool split = s.lon_mask == LonMask::SplitLast && b >= columns - shift.columns;
    const int32_t region = 2 * segment(a, rows, s.window_rows, shift.rows) + (split ? 1 : 0);
    source.push_back(cell);
    label.push_back(cell < 0 && s.pad_tokens == PadTokens::Masked ? kPadLabel : region);
  });
  WindowPartition::Lists lists;
  lists.num_stack = s.num_stack;
  lists.num_pixels = s.rows * s.columns;
  lists.pixel_source = blocks.by_block(source);
  lists.pixel_label = blocks.by_block(label).to(torch::kInt32);
  lists.stack_source = torch::arange(s.num_stack, torch::kInt64).view({-1, s.window_stack});
  if (shift.stack > 0 && s.num_stack > s.window_stack) {
    lists.stack_source = lists.stack_source.add(shift.stack).remainder(s.num_stack);
    lists.stack_label = (torch::arange(s.num_stack, torch::kInt64) >= s.num_stack - shift.stack)
                            .to(torch::kInt32)
                            .view({-1, s.window_stack});
  }
  lists.bias_type = bias_types(s);
  return lists;
}

}  // namespace

LatLonPads pads_to_multiple(int64_t rows, int64_t columns, int64_t unit_rows, int64_t unit_columns) {
  const int64_t lat = (unit_rows - rows % unit_rows) % unit_rows;
  const int64_t lon = (unit_columns - columns % unit_columns) % unit_columns;
  return {lat / 2, lat - lat / 2, lon / 2, lon - lon / 2};
}

PartitionPtr latlon_windows(const LatLonWindowSpec& spec) {
  check_spec(spec);
  return std::make_shared<const WindowPartition>(make_lists(spec, {}));
}

PartitionPtr shifted_latlon_windows(const LatLonWindowSpec& spec, const LatLonShift& shift) {
  check_spec(spec);
  check_shift(spec, shift);
  return std::make_shared<const WindowPartition>(make_lists(spec, shift));
}

ChildMapPtr latlon_children(int64_t rows, int64_t columns, int64_t child_rows, int64_t child_columns,
                            const LatLonPads& pads) {
  const Blocks blocks{rows, columns, child_rows, child_columns, pads};
  blocks.check("block");
  std::vector<int64_t> children;
  blocks.for_each([&](int64_t a, int64_t b) { children.push_back(blocks.cell(a, b)); });
  return std::make_shared<const ChildMap>(blocks.by_block(children), rows * columns);
}

}  // namespace pear::sphere
