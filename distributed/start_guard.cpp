#include "distributed/start_guard.h"

#include <utility>

namespace pear::distributed {

StartGuard::StartGuard(std::chrono::milliseconds patience, std::function<void()> on_expiry)
    : thread_([this, patience, expired = std::move(on_expiry)] {
        std::unique_lock lock(mutex_);
        if (!condition_.wait_for(lock, patience, [this] { return is_over_; })) expired();
      }) {}

StartGuard::~StartGuard() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  condition_.notify_all();
  thread_.join();
}

}  // namespace pear::distributed
