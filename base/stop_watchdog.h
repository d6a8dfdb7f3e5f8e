// Gives up on a process that was asked to stop and cannot.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace pear {

/// While it lives, a thread looks at the stop flag (base/signals.h). Once the flag is set and `beat` has not been
/// called for `grace`, it calls `on_expiry` once: a survivor of a lost process may sit in a call that never returns,
/// and only the end of the process helps.
class StopWatchdog {
 public:
  StopWatchdog(std::chrono::milliseconds grace, std::function<void()> on_expiry);
  ~StopWatchdog();
  StopWatchdog(const StopWatchdog&) = delete;
  StopWatchdog& operator=(const StopWatchdog&) = delete;
  /// The work has moved on. May be called from any thread.
  void beat() { beats_.fetch_add(1, std::memory_order_relaxed); }

 private:
  void watch(std::chrono::milliseconds grace, const std::function<void()>& on_expiry);
  std::atomic<int64_t> beats_{0};
  std::mutex mutex_;
  std::condition_variable condition_;
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace pear
