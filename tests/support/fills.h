// Reproducible fills of the recorded references: no file is needed to make weights and inputs.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

namespace pear::testing {

inline uint64_t fnv1a_64(const std::string& text) {
  uint64_t h = 14695981039346656037ULL;
  for (unsigned char c : text) h = (h ^ c) * 1099511628211ULL;
  return h;
}

inline uint32_t fnv1a_32(const std::string& text) {
  uint32_t h = 2166136261U;
  for (unsigned char c : text) h = (h ^ c) * 16777619U;
  return h;
}

/// r(name, i) in [-1, 1): SplitMix64 of the name's hash and the flat index.
inline double analytic_value(uint64_t hash, uint64_t i) {
  uint64_t z = hash + (i + 1) * 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  z ^= z >> 31;
  return 2.0 * (static_cast<double>(z >> 11) * 0x1.0p-53) - 1.0;
}

/// float64 tensor of offset + amplitude * r(name, i).
inline torch::Tensor analytic_tensor(const std::string& name, at::IntArrayRef shape, double amplitude,
                                     double offset = 0) {
  auto t = torch::empty(shape, torch::kFloat64);
  const uint64_t hash = fnv1a_64(name);
  auto* p = t.data_ptr<double>();
  for (int64_t i = 0; i < t.numel(); ++i) p[i] = offset + amplitude * analytic_value(hash, static_cast<uint64_t>(i));
  return t;
}

/// u(i, t) in [-1, 1) by 32-bit integer arithmetic.
inline double hashed_unit(uint32_t i, uint32_t t) {
  uint32_t h = i * 0x9E3779B1U + t * 0x85EBCA77U;
  h ^= h >> 16;
  h *= 0x85EBCA6BU;
  h ^= h >> 13;
  h *= 0xC2B2AE35U;
  h ^= h >> 16;
  return static_cast<double>(h >> 8) * 0x1.0p-23 - 1.0;
}

inline torch::Tensor hashed_tensor(at::IntArrayRef shape, uint32_t t, double offset, double amplitude) {
  auto x = torch::empty(shape, torch::kFloat32);
  auto* p = x.data_ptr<float>();
  for (int64_t i = 0; i < x.numel(); ++i)
    p[i] = static_cast<float>(offset + amplitude * hashed_unit(static_cast<uint32_t>(i), t));
  return x;
}

}  // namespace pear::testing
