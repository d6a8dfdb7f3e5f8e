// The inner loops of apply_weights, compiled for every instruction set of the machine's family (Highway).
#pragma once

#include <cstdint>

#include "regrid/apply.h"

namespace pear::regrid {

inline constexpr int64_t kLanes = 16;        ///< fields are padded to a multiple of this
inline constexpr int64_t kBlockFields = 64;  ///< fields in one pass: 4 accumulators of 16 lanes
inline constexpr int64_t kLongRow = 64;      ///< longer rows are summed in double

/// y[t][f] = sum W x[s][f] for the targets [first, last).
///
/// Shapes:  x [S][width], y [T][width], both 64-byte aligned; width a multiple of 16, at most 64.
void apply_block(const Weights& weights, const float* x, float* y, int64_t width, int64_t first, int64_t last);

/// The same for one field without padding, bit for bit.
void apply_single(const Weights& weights, const float* x, float* y, int64_t first, int64_t last);

}  // namespace pear::regrid
