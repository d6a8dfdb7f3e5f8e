// Checksums of index lists; c1 cannot tell a permutation from its inverse, c2 can.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace pear::sphere::testing {

inline constexpr int64_t kPrime = 1000000007;

inline int64_t modulo(int64_t v) { return ((v % kPrime) + kPrime) % kPrime; }

/// sum i v_i
inline int64_t c1(const std::vector<int64_t>& v) {
  int64_t sum = 0;
  for (size_t i = 0; i < v.size(); ++i) sum = modulo(sum + modulo(static_cast<int64_t>(i)) * modulo(v[i]));
  return sum;
}

/// sum (i + 1)^2 v_i
inline int64_t c2(const std::vector<int64_t>& v) {
  int64_t sum = 0;
  for (size_t i = 0; i < v.size(); ++i) {
    const int64_t k = modulo(static_cast<int64_t>(i) + 1);
    sum = modulo(sum + modulo(k * k) * modulo(v[i]));
  }
  return sum;
}

inline std::vector<int64_t> values(const torch::Tensor& t) {
  const auto flat = t.flatten().to(torch::kInt64).contiguous();
  return {flat.data_ptr<int64_t>(), flat.data_ptr<int64_t>() + flat.numel()};
}

inline std::vector<int64_t> inverse(const std::vector<int64_t>& v) {
  std::vector<int64_t> out(v.size());
  for (size_t i = 0; i < v.size(); ++i) out[static_cast<size_t>(v[i])] = static_cast<int64_t>(i);
  return out;
}

}  // namespace pear::sphere::testing
