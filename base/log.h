// Log lines on stderr (and run.log): `2026-01-31T12:00:05Z INFO  train  step 1200 …`.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pear {

enum class LogLevel { Debug, Info, Warn, Error };
enum class Verbosity { Quiet, Normal, Verbose };

/// What `main` decides once. Quiet shows WARN and ERROR, Verbose adds DEBUG.
struct LogOptions {
  Verbosity verbosity = Verbosity::Normal;
  std::string verb = "pear";  ///< third column
  bool show_all = true;       ///< false on ranks other than 0: ERROR only
  std::string rank_label;     ///< `[rank 3/8 node07]`, printed before messages if not empty
};
void set_log_options(const LogOptions& options);
Verbosity log_verbosity();
/// Also writes the lines, without colours, to `path` (appending). Errors: DataError `WriteFailed`.
void open_log_file(const std::filesystem::path& path);
void close_log_file();

void log_line(LogLevel level, std::string_view text);
/// Only to the log file, for what `main` prints in another form.
void log_line_to_file(LogLevel level, std::string_view text);
/// WARN texts so far, at most 200 (for the JSON report).
std::vector<std::string> logged_warnings();

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::Debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::Info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::Warn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::Error, fmt::format(format, std::forward<Args>(args)...));
}

/// Counts a warning that repeats per item; the destructor sums it up: the first text, and how many more.
class RepeatedWarning {
 public:
  explicit RepeatedWarning(std::string topic) : topic_(std::move(topic)) {}
  ~RepeatedWarning();
  RepeatedWarning(const RepeatedWarning&) = delete;
  RepeatedWarning& operator=(const RepeatedWarning&) = delete;
  void add(std::string_view text);
  size_t count() const { return count_; }

 private:
  std::string topic_;
  size_t count_ = 0;
};

}  // namespace pear
