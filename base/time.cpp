#include "base/time.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <optional>

#include "base/error.h"

namespace pear {
namespace {

using Days = std::chrono::sys_days;
constexpr int64_t kSecondsPerDay = 86400;

[[noreturn]] void bad_time(std::string_view text, const char* why) {
  throw ConfigError("BadTime", "base.time",
                    {.what = fmt::format("'{}' is not a time ({})", text, why),
                     .expected = "ISO 8601 in UTC such as 2019-01-01, 2019-01-01T12 or 2019-01-01T12:30Z"});
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

int64_t number(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// `YYYYMMDD`, `YYYYMMDDHH`, `YYYYMMDDHHMM`
std::optional<CivilTime> parse_compact(std::string_view text) {
  if (!all_digits(text) || (text.size() != 8 && text.size() != 10 && text.size() != 12)) return std::nullopt;
  CivilTime c{.year = number(text.substr(0, 4)),
              .month = static_cast<int>(number(text.substr(4, 2))),
              .day = static_cast<int>(number(text.substr(6, 2)))};
  if (text.size() >= 10) c.hour = static_cast<int>(number(text.substr(8, 2)));
  if (text.size() == 12) c.minute = static_cast<int>(number(text.substr(10, 2)));
  return c;
}

// `HH`, `HH:MM`, `HH:MM:SS` (also `HHMM`, the form of file names)
bool parse_clock(std::string_view text, CivilTime& c) {
  int* const parts[] = {&c.hour, &c.minute, &c.second};
  const bool compact = text.size() == 4 && all_digits(text);
  for (size_t i = 0; i < 3; ++i) {
    if (text.size() < 2 || !all_digits(text.substr(0, 2))) return false;
    *parts[i] = static_cast<int>(number(text.substr(0, 2)));
    text.remove_prefix(2);
    if (text.empty()) return true;
    if (compact) continue;
    if (text.front() != ':') return false;
    text.remove_prefix(1);
  }
  return false;
}

struct Unit {
  std::string_view name;
  int64_t seconds;
};
constexpr int64_t kLongestSeconds =
    int64_t{10000} * 366 * kSecondsPerDay;  // sums of times and durations stay far from 2^63
constexpr int64_t kMostTimes = 10'000'000;  // of a period: hours of a thousand years
constexpr Unit kUnits[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};

}  // namespace

CivilTime civil_from_time(Time t) {
  const std::chrono::sys_seconds moment{std::chrono::seconds{t.seconds}};
  const Days day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date{day};
  const int64_t rest = (moment - day).count();
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<int>(static_cast<unsigned>(date.month())),
          .day = static_cast<int>(static_cast<unsigned>(date.day())),
          .hour = static_cast<int>(rest / 3600),
          .minute = static_cast<int>(rest / 60 % 60),
          .second = static_cast<int>(rest % 60)};
}

Time time_from_civil(const CivilTime& c) {
  const auto text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute, c.second);
  if (c.year < 0 || c.year > 9999) bad_time(text, "year outside 0..9999");
  if (c.month < 1 || c.day < 1) bad_time(text, "no such date");
  const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(c.year)},
                                         std::chrono::month{static_cast<unsigned>(c.month)},
                                         std::chrono::day{static_cast<unsigned>(c.day)}};
  if (!date.ok()) bad_time(text, "no such date");
  if (c.hour < 0 || c.hour > 23 || c.minute < 0 || c.minute > 59 || c.second < 0 || c.second > 59)
    bad_time(text, "no such time of day");
  return {Days{date}.time_since_epoch().count() * kSecondsPerDay + c.hour * 3600 + c.minute * 60 + c.second};
}

int day_of_year(Time t) {
  const CivilTime c = civil_from_time(t);
  const Time first = time_from_civil({.year = c.year});
  return static_cast<int>((t - first).seconds / kSecondsPerDay) + 1;
}

Time parse_time(std::string_view text) {
  std::string_view rest = text;
  if (!rest.empty() && (rest.back() == 'Z' || rest.back() == 'z')) rest.remove_suffix(1);
  if (const auto compact = parse_compact(rest)) return time_from_civil(*compact);
  CivilTime c;
  const bool dashed = rest.size() >= 10 && rest[4] == '-' && rest[7] == '-' && all_digits(rest.substr(0, 4)) &&
                      all_digits(rest.substr(5, 2)) && all_digits(rest.substr(8, 2));
  const bool basic = rest.size() > 8 && all_digits(rest.substr(0, 8)) && (rest[8] == 'T' || rest[8] == ' ');
  if (!dashed && !basic) bad_time(text, "wrong form");
  if (dashed) {
    c = {.year = number(rest.substr(0, 4)),
         .month = static_cast<int>(number(rest.substr(5, 2))),
         .day = static_cast<int>(number(rest.substr(8, 2)))};
    rest.remove_prefix(10);
  } else {
    c = *parse_compact(rest.substr(0, 8));
    rest.remove_prefix(8);
  }
  if (!rest.empty()) {
    if (rest.front() != 'T' && rest.front() != 't' && rest.front() != ' ') bad_time(text, "wrong form");
    if (!parse_clock(rest.substr(1), c)) bad_time(text, "wrong time of day");
  }
  return time_from_civil(c);
}

std::string format_time(Time t) {
  const CivilTime c = civil_from_time(t);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

std::string format_time_compact(Time t) {
  const CivilTime c = civil_from_time(t);
  std::string text = fmt::format("{:04}{:02}{:02}T{:02}", c.year, c.month, c.day, c.hour);
  if (c.minute != 0 || c.second != 0) text += fmt::format("{:02}", c.minute);
  if (c.second != 0) text += fmt::format("{:02}", c.second);
  return text;
}

Duration parse_duration(std::string_view text) {
  const auto refuse = [&] {
    throw ConfigError(
        "BadDuration", "base.time",
        {.what = fmt::format("'{}' is not a duration", text),
         .expected = "a whole number with d, h, min or s, such as 10d, 6h or 90min (a bare number is hours), "
                     "of at most 10000 years"});
  };
  int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{}) refuse();
  const std::string_view unit(stop, static_cast<size_t>(end - stop));
  for (const Unit& known : kUnits) {
    if (unit != known.name && !(unit.empty() && known.name == "h")) continue;
    Duration d;
    if (__builtin_mul_overflow(count, known.seconds, &d.seconds) || d.seconds > kLongestSeconds ||
        d.seconds < -kLongestSeconds)
      refuse();
    return d;
  }
  refuse();
  return {};
}

std::string format_duration(Duration d) {
  if (d.seconds == 0) return "0h";
  for (const Unit& unit : kUnits)
    if (d.seconds % unit.seconds == 0 && (unit.name != "d" || d.seconds % (24 * 3600) == 0))
      return fmt::format("{}{}", d.seconds / unit.seconds, unit.name);
  return fmt::format("{}s", d.seconds);
}

std::vector<Time> Period::times() const {
  if (end < start || every.seconds <= 0)
    throw ConfigError("BadPeriod", "base.time",
                      {.what = fmt::format("period {} to {} every {} holds no times", format_time(start),
                                           format_time(end), format_duration(every)),
                       .expected = "end >= start and every > 0"});
  if ((end - start).seconds / every.seconds >= kMostTimes)
    throw ConfigError(
        "BadPeriod", "base.time",
        {.what = fmt::format("period {} to {} every {}", format_time(start), format_time(end), format_duration(every)),
         .expected = fmt::format("at most {} times", kMostTimes),
         .hint = "take a longer step or a shorter period"});
  std::vector<Time> times;
  for (Time t = start; t <= end; t = t + every) times.push_back(t);
  return times;
}

}  // namespace pear
