// How many threads a step of the core uses.
#pragma once

#include <ATen/Parallel.h>

#include <cstdint>

namespace pear::forecast {

/// One thread up to T42, while it lives: the loops are too short for more (measured: 2 threads 0.8 to 1.1 times as fast
/// at T31 and T42, 1.2 times at T63), and results do not depend on the number of threads of the machine.
class CoreThreads {
 public:
  explicit CoreThreads(int64_t truncation) : before_(at::get_num_threads()) {
    if (truncation <= 42) at::set_num_threads(1);
  }
  ~CoreThreads() { at::set_num_threads(before_); }
  CoreThreads(const CoreThreads&) = delete;
  CoreThreads& operator=(const CoreThreads&) = delete;

 private:
  int before_;
};

}  // namespace pear::forecast
