// Windows of consecutive nested HEALPix pixels times consecutive stack slots, plain or shifted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sphere/window/window_partition.h"

namespace pear::sphere {

/// Where a shifted map reads from, and which region each slot belongs to.
struct PixelShift {
  std::vector<int64_t> source;  ///< [P] source pixel of each destination, nested order
  std::vector<int32_t> label;   ///< [P]; empty = no mask
};

/// A window spec: nside of the tokens, faces 8 or 12, window of stack x pixels, the shift along the stack.
struct NestedWindowSpec {
  int64_t nside = 1;
  int64_t faces = 12;
  int64_t num_stack = 1;
  int64_t window_stack = 1;
  int64_t window_pixels = 4;
};

/// Unshifted windows. Errors: ShapeError if window_pixels is no power of 4 or exceeds the tokens of the scale, or if
/// the stack is no multiple of window_stack.
PartitionPtr nested_windows(const NestedWindowSpec& spec);

/// Pixels shifted by `shift`, stack slots by half a stack window (when there is more than one slot in a window and
/// more than one window): slot z reads (z + window_stack / 2) mod Z; the last ones get label 1.
PartitionPtr shifted_nested_windows(const NestedWindowSpec& spec, const PixelShift& shift);

/// From text: `nested:n16:2x64` or `nested:n16:2x64:spiral+4:published`, stack extent given apart.
///   shifts:  spiral+S | spiral-S with published | wrap_only | refill (nested8), per_ring+S | per_ring-S, grid,
///   grid:ascending, roll+S faces:   `nested8:` for the eight-face grid.
/// Errors: ConfigError `UnknownPartition`.
PartitionPtr partition_from_spec(const std::string& spec, int64_t num_stack);

}  // namespace pear::sphere
