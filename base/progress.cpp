#include "base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>

#include "base/log.h"

namespace pear {
namespace {

using namespace std::chrono_literals;
constexpr auto kTerminalInterval = 200ms;
constexpr auto kFirstPlainInterval = 10s;
constexpr auto kLongestPlainInterval = 10min;
constexpr size_t kWindow = 64;

std::atomic<bool> line_on_terminal{false};

}  // namespace

void erase_progress_line() {
  if (line_on_terminal.exchange(false)) std::fputs("\r\033[K", stderr);
}

std::string format_seconds(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  const auto s = static_cast<int64_t>(std::llround(seconds));
  if (s >= 86400) return fmt::format("{}d{:02}h", s / 86400, s % 86400 / 3600);
  if (s >= 3600) return fmt::format("{}h{:02}m", s / 3600, s % 3600 / 60);
  if (s >= 60) return fmt::format("{}m{:02}s", s / 60, s % 60);
  return fmt::format("{}s", s);
}

Progress::Progress(std::string name, int64_t total, std::string unit)
    : name_(std::move(name)),
      unit_(std::move(unit)),
      total_(total),
      start_(Clock::now()),
      terminal_(::isatty(STDERR_FILENO) == 1),
      silent_(log_verbosity() == Verbosity::Quiet) {
  interval_ = terminal_ ? std::chrono::milliseconds(kTerminalInterval) : std::chrono::milliseconds(kFirstPlainInterval);
  next_print_ = start_ + interval_;
  window_.emplace_back(start_, 0);
}

Progress::~Progress() {
  if (terminal_ && printed_ && !finished_) erase_progress_line();
}

double Progress::rate(Clock::time_point now) const {
  const double dt = std::chrono::duration<double>(now - window_.front().first).count();
  return dt > 0 ? static_cast<double>(done_ - window_.front().second) / dt : 0.0;
}

std::string Progress::line(Clock::time_point now) const {
  const double r = rate(now);
  std::string text = total_ > 0
                         ? fmt::format("{} {}/{}{} ({:.0f}%)", name_, done_, total_, unit_.empty() ? "" : " " + unit_,
                                       100.0 * static_cast<double>(done_) / static_cast<double>(total_))
                         : fmt::format("{} {}{}", name_, done_, unit_.empty() ? "" : " " + unit_);
  if (r > 0) text += fmt::format(", {:.3g}/s", r);
  if (r > 0 && total_ > done_) text += ", eta " + format_seconds(static_cast<double>(total_ - done_) / r);
  return text;
}

void Progress::update(int64_t done) {
  done_ = done;
  if (silent_) return;
  const auto now = Clock::now();
  if (now < next_print_) return;
  if (terminal_) {
    std::fputs(("\r\033[K" + line(now)).c_str(), stderr);
    std::fflush(stderr);
    line_on_terminal = true;
  } else {
    log_info("{}", line(now));
    interval_ = std::min<std::chrono::milliseconds>(interval_ * 2, kLongestPlainInterval);
  }
  printed_ = true;
  next_print_ = now + interval_;
  window_.emplace_back(now, done);
  if (window_.size() > kWindow) window_.pop_front();
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  if (silent_) return;
  erase_progress_line();
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  if (printed_ || seconds > 2.0)
    log_info("{} done: {}{} in {}", name_, done_, unit_.empty() ? "" : " " + unit_, format_seconds(seconds));
}

}  // namespace pear
