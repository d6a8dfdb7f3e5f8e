// Real processes, killed at arbitrary moments and run again.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/files.h"
#include "base/random.h"
#include "forecast/train/checkpoint.h"

namespace pear::forecast {
namespace {
namespace fs = std::filesystem;
constexpr auto kPoll = std::chrono::milliseconds(2);

fs::path run_folder(const std::string& name) {
  const auto path = fs::temp_directory_path() / ("pear_kill_" + name + std::to_string(::getpid()));
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

pid_t start(const fs::path& run, const char* mode) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execl(PEAR_TRAIN_CHILD, PEAR_TRAIN_CHILD, run.c_str(), mode, static_cast<char*>(nullptr));
    ::_exit(127);
  }
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status;
}

int64_t rows(const fs::path& run) {
  const auto path = run / "metrics.jsonl";
  if (!fs::exists(path)) return 0;
  const auto text = read_text(path);
  return std::count(text.begin(), text.end(), '\n');
}

/// Sends `signal` once the run has written `count` metric rows; false if it ended before.
bool signal_after_rows(pid_t pid, const fs::path& run, int64_t count, int signal) {
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    if (rows(run) >= count) {
      ::kill(pid, signal);
      return true;
    }
    std::this_thread::sleep_for(kPoll);
  }
  return false;
}

void expect_same_runs(const fs::path& a, const fs::path& b) {
  const auto x = read_checkpoint(a / "checkpoints/step_00000040"), y = read_checkpoint(b / "checkpoints/step_00000040");
  const auto same = [](const TensorMap& p, const TensorMap& q) {
    ASSERT_EQ(p.size(), q.size());
    for (const auto& [name, tensor] : p) EXPECT_TRUE(torch::equal(tensor, q.at(name))) << name;
  };
  same(x.model, y.model);
  same(x.ema, y.ema);
  same(x.optimizer, y.optimizer);
  EXPECT_EQ(x.state.at("progress"), y.state.at("progress"));
  EXPECT_EQ(read_text(a / "metrics.jsonl"), read_text(b / "metrics.jsonl"));
  EXPECT_EQ(read_text(a / "metrics.csv"), read_text(b / "metrics.csv"));
}

TEST(KilledTraining, ResumedRunsEqualAnUninterruptedOneBitForBit) {
  const auto straight = run_folder("straight"), killed = run_folder("killed");
  EXPECT_EQ(wait_for(start(straight, "fresh")), 0);
  pid_t pid = start(killed, "fresh");
  int kills = 0;
  // Rows already there count, so each kill comes a few steps after the resume; the exact moment is left to chance.
  for (uint64_t n = 0; n < 3; ++n) {
    const int64_t target = 6 + 11 * static_cast<int64_t>(n) + static_cast<int64_t>(random_below(1, "kill", n, 4));
    if (!signal_after_rows(pid, killed, target, SIGKILL)) break;
    EXPECT_TRUE(WIFSIGNALED(wait_for(pid)));
    ++kills;
    pid = start(killed, "resume");
  }
  EXPECT_EQ(wait_for(pid), 0);
  EXPECT_EQ(kills, 3);
  expect_same_runs(straight, killed);
  fs::remove_all(straight);
  fs::remove_all(killed);
}

TEST(KilledTraining, TerminationSavesTheStepAndExitsWithThree) {
  const auto run = run_folder("terminated");
  const pid_t pid = start(run, "fresh");
  ASSERT_TRUE(signal_after_rows(pid, run, 5, SIGTERM));
  const int status = wait_for(pid);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 3);
  const auto folder = newest_valid_checkpoint(run / "checkpoints");
  ASSERT_TRUE(folder.has_value());
  EXPECT_GE(read_checkpoint_state(*folder).at("step").get<int64_t>(), 5);
  EXPECT_EQ(wait_for(start(run, "resume")), 0);
  fs::remove_all(run);
}

}  // namespace
}  // namespace pear::forecast
