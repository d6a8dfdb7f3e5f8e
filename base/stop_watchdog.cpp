#include "base/stop_watchdog.h"

#include <algorithm>
#include <utility>

#include "base/signals.h"

namespace pear {
namespace {

constexpr std::chrono::milliseconds kSlowestLook{200}, kFastestLook{1};
constexpr int kLooksPerGrace = 4;

}  // namespace

StopWatchdog::StopWatchdog(std::chrono::milliseconds grace, std::function<void()> on_expiry)
    : thread_([this, grace, expired = std::move(on_expiry)] { watch(grace, expired); }) {}

StopWatchdog::~StopWatchdog() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  condition_.notify_all();
  thread_.join();
}

void StopWatchdog::watch(std::chrono::milliseconds grace, const std::function<void()>& on_expiry) {
  using Clock = std::chrono::steady_clock;
  const auto look = std::clamp(grace / kLooksPerGrace, kFastestLook, kSlowestLook);
  auto last_move = Clock::now();
  int64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (!condition_.wait_for(lock, look, [this] { return is_over_; })) {
    const int64_t beats = beats_.load(std::memory_order_relaxed);
    if (!stop_requested() || beats != seen) last_move = Clock::now();
    seen = beats;
    if (Clock::now() - last_move <= grace) continue;
    on_expiry();
    return;
  }
}

}  // namespace pear
