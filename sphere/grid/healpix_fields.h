// Whole HEALPix fields: another pixel order, a coarser or a finer resolution.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sphere/grid/healpix.h"

namespace pear::sphere {

/// Index map of a reordering: out[p] = in[index[p]].
///
/// Shapes:  [12 nside^2].
/// Errors:  ConfigError `NestedNeedsPowerOfTwo`.
std::vector<int64_t> reorder_index(int64_t nside, PixelOrder from, PixelOrder to);

/// Field in another pixel order: a permutation, bit for bit.
///
/// Shapes:  in, out [F, 12 nside^2], fields outermost; they must not overlap. T is float, double or int64_t.
/// Errors:  ShapeError `SizeMismatch`; ConfigError `NestedNeedsPowerOfTwo`.
template <class T>
void reorder(int64_t nside, PixelOrder from, PixelOrder to, std::span<const T> in, std::span<T> out);

/// When a coarse pixel is missing (NaN): if any child is, or only if all are (else the mean of the valid ones).
enum class MissingChildren { IfAny, IfAll };

/// Mean over the (from.nside / nside)^2 children of every pixel; sums in double.
///
/// Shapes:  in [12 from.nside^2] -> out [12 nside^2], both in the order of `from`. T is float or double.
/// Errors:  ShapeError `SizeMismatch`, also unless nside divides from.nside.
template <class T>
void degrade(const HealpixGrid& from, int64_t nside, std::span<const T> in, std::span<T> out,
             MissingChildren missing = MissingChildren::IfAll);

/// Copies every pixel to its (nside / from.nside)^2 children.
///
/// Shapes:  in [12 from.nside^2] -> out [12 nside^2], both in the order of `from`. T is float or double.
/// Errors:  ShapeError `SizeMismatch`, also unless from.nside divides nside.
template <class T>
void upgrade(const HealpixGrid& from, int64_t nside, std::span<const T> in, std::span<T> out);

}  // namespace pear::sphere
