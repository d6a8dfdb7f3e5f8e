#include "base/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.h"

extern char** environ;

namespace pear {
namespace {

using Clock = std::chrono::steady_clock;
constexpr const char* kWhere = "base.process";

[[noreturn]] void failed(const std::string& program, const char* step, int error) {
  throw DataError("ProcessFailed", kWhere,
                  {.what = fmt::format("{}: {} failed ({})", program, step, std::strerror(error))});
}

/// Both ends close themselves in a program that is started, except where they are given to it by name.
class Pipe {
 public:
  explicit Pipe(const std::string& program) {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) failed(program, "pipe", errno);
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int reading_end() const { return ends_[0]; }
  int writing_end() const { return ends_[1]; }
  void close_end(size_t end) {
    if (ends_[end] >= 0) ::close(ends_[end]);
    ends_[end] = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

pid_t spawn(const std::vector<std::string>& words, const Pipe& output, const Pipe& error) {
  FileActions actions;
  posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(actions.get(), output.writing_end(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(actions.get(), error.writing_end(), STDERR_FILENO);
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int problem = ::posix_spawnp(&pid, arguments[0], actions.get(), nullptr, arguments.data(), environ);
  if (problem == ENOENT)
    throw DataError("ProgramNotFound", kWhere,
                    {.what = words[0] + " was not found", .hint = "install it, or add its folder to PATH"});
  if (problem != 0) failed(words[0], "start", problem);
  return pid;
}

int exit_code_of(pid_t pid, const std::string& program) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) failed(program, "waitpid", errno);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Reads both pipes until the program has closed them; false if that takes longer than the deadline.
bool read_both(Pipe& output, Pipe& error, ProcessResult& result, Clock::time_point deadline) {
  std::array<pollfd, 2> watched{{{output.reading_end(), POLLIN, 0}, {error.reading_end(), POLLIN, 0}}};
  const std::array<std::string*, 2> texts{&result.output, &result.error};
  std::array<char, 4096> buffer{};
  while (watched[0].fd >= 0 || watched[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    if (::poll(watched.data(), watched.size(), static_cast<int>(std::min<int64_t>(left, 1000))) < 0 && errno != EINTR)
      return false;
    for (size_t i = 0; i < watched.size(); ++i) {
      if (watched[i].fd < 0 || watched[i].revents == 0) continue;
      const ssize_t got = ::read(watched[i].fd, buffer.data(), buffer.size());
      if (got > 0) texts[i]->append(buffer.data(), static_cast<size_t>(got));
      if (got == 0 || (got < 0 && errno != EINTR)) watched[i].fd = -1;
    }
  }
  return true;
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& words, std::chrono::milliseconds limit) {
  PEAR_ASSERT(!words.empty());
  Pipe output(words[0]), error(words[0]);
  const pid_t pid = spawn(words, output, error);
  output.close_end(1);
  error.close_end(1);
  ProcessResult result;
  const bool ended = read_both(output, error, result, Clock::now() + limit);
  if (!ended) ::kill(pid, SIGKILL);
  result.exit_code = exit_code_of(pid, words[0]);
  if (!ended)
    throw DataError("ProcessTimeout", kWhere,
                    {.what = fmt::format("{} gave no answer within {:.0f} s", words[0],
                                         std::chrono::duration<double>(limit).count())});
  return result;
}

}  // namespace pear
