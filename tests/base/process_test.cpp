#include "base/process.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace pear {
namespace {

TEST(Process, WordsReachTheProgramAsTheyStand) {
  const ProcessResult r = run_process({"printf", "%s|", "a b", "$HOME", "`id`", "x;y", "it's", "new\nline", ""});
  EXPECT_EQ(r.output, "a b|$HOME|`id`|x;y|it's|new\nline||");
  EXPECT_EQ(r.exit_code, 0);
  EXPECT_EQ(r.error, "");
}

TEST(Process, BothOutputsAndTheExitCodeComeBack) {
  const ProcessResult r = run_process({"sh", "-c", "cat; echo out; echo err >&2; exit 7"});
  EXPECT_EQ(r.output, "out\n");
  EXPECT_EQ(r.error, "err\n");
  EXPECT_EQ(r.exit_code, 7);
  EXPECT_EQ(run_process({"sh", "-c", "kill -TERM $$"}).exit_code, 128 + 15);
}

TEST(Process, MoreOutputThanAPipeHoldsIsRead) {
  EXPECT_EQ(run_process({"head", "-c", "1000000", "/dev/zero"}).output.size(), 1000000u);
}

TEST(Process, MissingAndSlowProgramsAreErrors) {
  const auto code_of = [](const std::vector<std::string>& words, std::chrono::milliseconds limit) -> std::string {
    try {
      run_process(words, limit);
    } catch (const DataError& e) {
      return e.code();
    }
    return "none";
  };
  EXPECT_EQ(code_of({"no-such-program-of-pear"}, std::chrono::seconds(5)), "ProgramNotFound");
  EXPECT_EQ(code_of({"sleep", "60"}, std::chrono::milliseconds(50)), "ProcessTimeout");
}

}  // namespace
}  // namespace pear
