// Dates, durations and periods: UTC, proleptic Gregorian, whole seconds.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pear {

/// A signed span of time in whole seconds. Text form `6h`, `3d`, `90min`, `30s`.
struct Duration {
  int64_t seconds = 0;
  auto operator<=>(const Duration&) const = default;
  double hours() const { return static_cast<double>(seconds) / 3600.0; }
};
constexpr Duration hours(int64_t h) { return {h * 3600}; }
constexpr Duration operator*(int64_t n, Duration d) { return {n * d.seconds}; }
constexpr Duration operator+(Duration a, Duration b) { return {a.seconds + b.seconds}; }

/// A moment: seconds since 1970-01-01T00:00:00Z.
struct Time {
  int64_t seconds = 0;
  auto operator<=>(const Time&) const = default;
};
constexpr Time operator+(Time t, Duration d) { return {t.seconds + d.seconds}; }
constexpr Time operator-(Time t, Duration d) { return {t.seconds - d.seconds}; }
constexpr Duration operator-(Time a, Time b) { return {a.seconds - b.seconds}; }

struct CivilTime {
  int64_t year = 1970;
  int month = 1, day = 1, hour = 0, minute = 0, second = 0;
};
CivilTime civil_from_time(Time t);
/// Errors: ConfigError `BadTime` if the date does not exist.
Time time_from_civil(const CivilTime& c);
/// 1..366
int day_of_year(Time t);

/// `2019-01-01`, `2019-01-01T12`, `2019-01-01T12:30[:15][Z]`, `20190101`, `2019010112`, a space for the T.
/// Errors: ConfigError `BadTime`.
Time parse_time(std::string_view text);
/// `2019-01-01T12:00:00Z`
std::string format_time(Time t);
/// `20190101T12` (or `20190101T1230`), for file names.
std::string format_time_compact(Time t);

/// `10d`, `240h`, `90min`, `30s`; a bare integer is hours. Errors: ConfigError `BadDuration`
/// (also beyond 10000 years).
Duration parse_duration(std::string_view text);
/// Shortest exact form: `10d`, `6h`, `90min`, `30s`.
std::string format_duration(Duration d);

/// From `start` to `end`, both included.
struct TimeRange {
  Time start, end;
  bool contains(Time t) const { return start <= t && t <= end; }
  bool operator==(const TimeRange&) const = default;
};

/// Regular times `start, start + every, …` up to and including `end`.
struct Period {
  Time start, end;
  Duration every{86400};
  /// Errors: ConfigError `BadPeriod` if end < start, every <= 0, or there are more than 10 million.
  std::vector<Time> times() const;
  bool contains(Time t) const { return start <= t && t <= end; }
};

}  // namespace pear
