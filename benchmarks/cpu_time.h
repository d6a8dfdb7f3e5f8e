// What the benchmarks of transforms and of the core measure with.
#pragma once

#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <functional>

namespace pear::benchmarks {

/// CPU time of the process so far, ms: the cores may be shared. For work on one thread.
inline double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}

/// Shortest of `repeats` runs after one that is not counted, ms.
inline double best_ms(int repeats, const std::function<void()>& work) {
  work();
  double best = 1e300;
  for (int i = 0; i < repeats; ++i) {
    const double start = cpu_ms();
    work();
    best = std::min(best, cpu_ms() - start);
  }
  return best;
}

/// The bound: a product of two 1024 x 1024 matrices in float32, GFLOP/s.
inline double sgemm_peak_gflops(int repeats) {
  constexpr int64_t kSize = 1024;
  const auto a = at::randn({kSize, kSize}), b = at::randn({kSize, kSize});
  return 2e-6 * static_cast<double>(kSize * kSize * kSize) / best_ms(repeats, [&] { at::mm(a, b); });
}

}  // namespace pear::benchmarks
