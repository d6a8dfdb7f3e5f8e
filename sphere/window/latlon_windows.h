// Windows of rows x columns on a lat-lon grid times stack slots: longitude is cyclic, latitude is not.
#pragma once

#include <cstdint>

#include "sphere/window/child_map.h"
#include "sphere/window/window_partition.h"

namespace pear::sphere {

/// Rows and columns of zero cells around a grid.
struct LatLonPads {
  int64_t top = 0, bottom = 0, left = 0, right = 0;
  bool any() const { return top + bottom + left + right > 0; }
  bool in_longitude() const { return left + right > 0; }
  bool operator==(const LatLonPads&) const = default;
};

/// Pads that make rows and columns whole multiples; the smaller half comes first (north, west).
LatLonPads pads_to_multiple(int64_t rows, int64_t columns, int64_t unit_rows, int64_t unit_columns);

enum class LonMask {
  Periodic,  ///< no mask along longitude: the window that wraps around is contiguous on the sphere
  SplitLast  ///< columns that wrapped are a region of their own: the window at the seam is cut in two (a known defect)
};

enum class PadTokens {
  Attend,  ///< zero tokens act as keys and values
  Masked   ///< they are a region of their own
};

/// Token grid and windows; pixel = row * columns + column, rows north to south, columns eastwards.
struct LatLonWindowSpec {
  int64_t num_stack = 1, rows = 1, columns = 1;
  int64_t window_stack = 1, window_rows = 1, window_columns = 1;
  LatLonPads pads;
  PadTokens pad_tokens = PadTokens::Attend;
  LonMask lon_mask = LonMask::Periodic;
};

/// A slot reads `rows` further south, `columns` further east and `stack` further up the stack, cyclically.
struct LatLonShift {
  int64_t stack = 0, rows = 0, columns = 0;
};

/// Unshifted windows; windows of one row share a bias type: stack window * row windows + row window.
/// Errors:  ShapeError `BadWindow` (the padded grid or the stack is no multiple of the window), `BadPads` (pads along
///          longitude with LonMask::Periodic, which they break; negative pads).
PartitionPtr latlon_windows(const LatLonWindowSpec& spec);

/// Slot (a, b) of the padded grid A x L reads row (a + s_lat) mod A - top, column (b + s_lon) mod L - left. Rows that
/// wrapped around are the other pole and a region of their own, as are stack slots that wrapped; columns as `lon_mask`.
/// A stack of one window is not shifted.
/// Source:  sphere-core design section 4; Swin, Pangu-Weather.
/// Errors:  as latlon_windows; ShapeError `BadShift` if a shift is negative or not smaller than its window.
PartitionPtr shifted_latlon_windows(const LatLonWindowSpec& spec, const LatLonShift& shift);

/// Blocks of child_rows x child_columns cells of a padded grid, both orders row-major. Pads are zero children.
/// Errors:  ShapeError `BadWindow` if the padded grid is no multiple of the block.
ChildMapPtr latlon_children(int64_t rows, int64_t columns, int64_t child_rows, int64_t child_columns,
                            const LatLonPads& pads);

}  // namespace pear::sphere
