// Counter-based random numbers: the n-th number of a stream is a pure function of (seed, purpose, n).
//
// Source: SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", with
// Stafford's mix13 constants); FNV-1a hashes the purpose. No state, so restarts and rank counts change nothing.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

namespace pear {

constexpr uint64_t splitmix64_mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

constexpr uint64_t fnv1a64(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

/// Uniform on 0 … 2^64 - 1. Streams of different seed or purpose start at unrelated places.
constexpr uint64_t random_u64(uint64_t seed, std::string_view purpose, uint64_t counter) {
  constexpr uint64_t kGolden = 0x9e3779b97f4a7c15ULL;
  const uint64_t stream = splitmix64_mix(splitmix64_mix(seed + kGolden) ^ fnv1a64(purpose));
  return splitmix64_mix(splitmix64_mix(stream + kGolden * (counter + 1)) + kGolden);
}

/// Uniform on [0, 1), 53 random bits.
constexpr double random_unit(uint64_t seed, std::string_view purpose, uint64_t counter) {
  return static_cast<double>(random_u64(seed, purpose, counter) >> 11) * 0x1.0p-53;
}

/// Uniform on 0 … bound - 1 without bias worth mentioning (multiply-shift on 64 bits; error < bound / 2^64).
constexpr uint64_t random_below(uint64_t seed, std::string_view purpose, uint64_t counter, uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>((static_cast<Wide>(random_u64(seed, purpose, counter)) * bound) >> 64);
}

/// Standard normal (Box-Muller; uses counters 2n and 2n + 1 of the stream).
inline double random_normal(uint64_t seed, std::string_view purpose, uint64_t counter) {
  const double u = 1.0 - random_unit(seed, purpose, 2 * counter);
  const double v = random_unit(seed, purpose, 2 * counter + 1);
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

}  // namespace pear
