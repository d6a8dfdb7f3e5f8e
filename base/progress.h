// Progress with rate and remaining time for everything above a few seconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>

namespace pear {

/// `Progress p("ingest", total); p.update(done); p.finish();`
///
/// On a terminal one rewritten line; otherwise plain log lines at growing intervals (10 s, 20 s, … 10 min);
/// nothing with --quiet. The rate comes from a moving window, so start-up does not spoil the estimate.
class Progress {
 public:
  Progress(std::string name, int64_t total, std::string unit = "");
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(int64_t done);
  /// Prints the closing line once; further calls do nothing.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  std::string line(Clock::time_point now) const;
  double rate(Clock::time_point now) const;

  std::string name_, unit_;
  int64_t total_, done_ = 0;
  Clock::time_point start_, next_print_;
  std::chrono::milliseconds interval_;
  std::deque<std::pair<Clock::time_point, int64_t>> window_;
  bool terminal_, silent_, printed_ = false, finished_ = false;
};

/// `3h12m`, `4m05s`, `12s`.
std::string format_seconds(double seconds);

/// Clears the rewritten line before something else is printed on the terminal.
void erase_progress_line();

}  // namespace pear
