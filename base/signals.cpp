#include "base/signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace pear {
namespace {

std::atomic<bool> stop_flag{false};
static_assert(std::atomic<bool>::is_always_lock_free, "the signal handler needs a lock-free flag");
constexpr int kExitAfterSecondInterrupt = 130;

extern "C" void on_stop_signal(int signal) {
  if (stop_flag.exchange(true) && signal == SIGINT) ::_exit(kExitAfterSecondInterrupt);
}

}  // namespace

void install_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;  // system calls in foreign libraries are not prepared for EINTR
  for (int signal : {SIGINT, SIGTERM, SIGUSR1}) ::sigaction(signal, &action, nullptr);
}

bool stop_requested() { return stop_flag.load(std::memory_order_relaxed); }
void request_stop() { stop_flag = true; }
void clear_stop_request() { stop_flag = false; }

}  // namespace pear
