// A deadline for a call that has none of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace pear::distributed {

/// Calls `on_expiry` from another thread if this object still lives after `patience`. The start of MPI waits without an
/// end for a rank that does not come; nothing but the end of the process helps then.
class StartGuard {
 public:
  StartGuard(std::chrono::milliseconds patience, std::function<void()> on_expiry);
  ~StartGuard();
  StartGuard(const StartGuard&) = delete;
  StartGuard& operator=(const StartGuard&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace pear::distributed
