// Other programs: run with a list of words, never through a shell.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace pear {

/// What a program that has ended left behind.
struct ProcessResult {
  int exit_code = 0;  ///< 128 + number where a signal ended it
  std::string output, error;
};

/// Runs the program `words[0]` (looked for on PATH) and waits for it. Every word reaches it as it stands. Its standard
/// input is empty.
///
/// Errors:  DataError `ProgramNotFound`, `ProcessFailed`; `ProcessTimeout` after `limit`, when the program is killed.
ProcessResult run_process(const std::vector<std::string>& words,
                          std::chrono::milliseconds limit = std::chrono::minutes(2));

}  // namespace pear
