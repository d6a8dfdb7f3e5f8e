// Shifts along the HEALPix rings and along the nested index.
#pragma once

#include <cstdint>

#include "sphere/window/nested_windows.h"

namespace pear::sphere {

enum class RingMask {
  Published,  ///< three segments in ring order, as the published PEAR program builds them
  WrapOnly,   ///< only the slots that hold pixels of the opposite pole are masked
  Refill      ///< eight faces only: slots that read a missing face are refilled, a region of their own per face
};

/// source(p) = nested((ring(p) + shift) mod 12 n^2); positive shift as PEAR gathers, negative as HEAL-SWIN.
/// Eight faces: missing sources are refilled so that the map stays a permutation; each is a region of its own face,
/// whatever the mask.
/// Source:  PEAR-Weather hp_shifting, HEAL-SWIN hp_shifting; labels by ring position of the destination.
/// Errors:  ShapeError `BadShift` if |shift| is not smaller than a window, or for RingMask::Refill on twelve faces;
///          `BadPartition` if there are neither 8 nor 12 faces.
PixelShift spiral_shift(int64_t nside, int64_t faces, int64_t window_pixels, int64_t shift, RingMask mask);

/// Within each ring of 4 r pixels, position q reads (q + shift) mod 4 r; commutes with quarter turns, needs no mask.
PixelShift per_ring_shift(int64_t nside, int64_t shift);

/// source(p) = (p + shift) mod P along the nested index; one masked window.
PixelShift nest_roll(int64_t nside, int64_t faces, int64_t window_pixels, int64_t shift);

}  // namespace pear::sphere
