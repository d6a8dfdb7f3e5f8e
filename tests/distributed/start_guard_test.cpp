#include "distributed/start_guard.h"

#include <gtest/gtest.h>

#include <atomic>

namespace pear::distributed {
namespace {

TEST(StartGuard, SpeaksOnlyWhenTheCallOutlivesThePatience) {
  std::atomic<int> calls{0};
  {
    const StartGuard guard(std::chrono::hours(1), [&] { ++calls; });
  }
  EXPECT_EQ(calls, 0);
  {
    const StartGuard guard(std::chrono::milliseconds(1), [&] {
      ++calls;
      calls.notify_all();
    });
    calls.wait(0);
  }
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace pear::distributed
