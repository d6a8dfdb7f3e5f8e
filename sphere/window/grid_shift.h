// Shift along both window axes at once, northwards: content moves by half a window in x and in y.
#pragma once

#include <cstdint>

#include "sphere/window/nested_windows.h"

namespace pear::sphere {

/// How the slots without a source (three-face vertices and southern seams of the 12-face grid) are filled.
enum class HoleFill {
  Ascending,  ///< k-th hole gets the k-th pixel that nobody reads
  Orbit       ///< paired on faces 0 mod 4 and turned to the others: commutes with quarter turns
};

/// source(f, x, y) = (f, x - d, y - d) with d = sqrt(window_pixels) / 2, faces crossed by table.
/// Source:  HEAL-SWIN (8 faces), extended to 12 faces; every hole is a region of its own.
PixelShift grid_shift(int64_t nside, int64_t faces, int64_t window_pixels, HoleFill fill);

}  // namespace pear::sphere
