// Which values dropout keeps, as a pure function of seed, row and column: masks are computed again, never stored.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/random.h"

namespace pear::sphere {

/// Two words that every hash of one row uses.
struct RowKey {
  uint32_t first, second;
};

/// A value is kept where the hash of its place is at least `threshold`; kept values are multiplied by `factor`.
/// `threshold` 0 keeps everything.
struct DropoutMask {
  uint64_t seed = 0;
  uint32_t threshold = 0;
  float factor = 1;

  /// probability in [0, 1): 32 bits of it.
  static DropoutMask of(double probability, uint64_t seed) {
    const auto threshold = static_cast<uint32_t>(std::lround(probability * 0x1.0p32));
    return {seed, threshold, static_cast<float>(1.0 / (1.0 - threshold * 0x1.0p-32))};
  }
  bool drops() const { return threshold != 0; }
  RowKey row(int64_t row) const {
    const uint64_t key = splitmix64_mix(seed + 0x9e3779b97f4a7c15ULL * (static_cast<uint64_t>(row) + 1));
    return {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
  }
  /// Factor of one value: 0 or `factor`.
  float at(int64_t row_index, int64_t column) const {
    return hash(row(row_index), static_cast<uint32_t>(column)) >= threshold ? factor : 0.0F;
  }

  /// Multiplications of "triple32" (C. Wellons, hash-prospector), the row's words mixed in before each.
  static constexpr uint32_t kStep = 0x9e3779b1U, kFirst = 0xed5ad4bbU, kSecond = 0xac4c1b51U;
  static constexpr uint32_t hash(RowKey key, uint32_t column) {
    uint32_t h = column * kStep + key.first;
    h = (h ^ (h >> 17)) * kFirst ^ key.second;
    return (h ^ (h >> 11)) * kSecond;
  }
};

}  // namespace pear::sphere
