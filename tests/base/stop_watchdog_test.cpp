#include "base/stop_watchdog.h"

#include <gtest/gtest.h>

#include "base/signals.h"

namespace pear {
namespace {

using std::chrono::milliseconds;

class StopWatchdogTest : public ::testing::Test {
 protected:
  void SetUp() override { clear_stop_request(); }
  void TearDown() override { clear_stop_request(); }
};

TEST_F(StopWatchdogTest, AStoppedProcessThatDoesNotMoveIsGivenUp) {
  std::atomic<int> calls{0};
  const StopWatchdog watchdog(milliseconds(20), [&] {
    ++calls;
    calls.notify_all();
  });
  request_stop();
  calls.wait(0);
  EXPECT_EQ(calls, 1);
}

TEST_F(StopWatchdogTest, WithoutASignalNothingHappens) {
  std::atomic<int> calls{0};
  {
    const StopWatchdog watchdog(milliseconds(1), [&] { ++calls; });
    std::this_thread::sleep_for(milliseconds(30));
  }
  EXPECT_EQ(calls, 0);
}

TEST_F(StopWatchdogTest, AProcessThatMovesOnIsLeftAlone) {
  std::atomic<int> calls{0};
  {
    StopWatchdog watchdog(std::chrono::minutes(5), [&] { ++calls; });
    request_stop();
    for (int i = 0; i < 10; ++i) watchdog.beat();
  }
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace pear
