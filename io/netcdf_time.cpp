#include "io/netcdf_time.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>

#include "base/error.h"

namespace pear::io {

namespace {

constexpr std::string_view kSince = " since ";

[[noreturn]] void unreadable(const std::string& where, const std::string& units) {
  throw DataError("UnitsMismatch", "io.netcdf",
                  {.what = where + ": units of time",
                   .expected = "'<seconds|minutes|hours|days> since <date>'",
                   .found = "'" + units + "'"});
}

/// `1900-01-01 00:00:0.0`, `1981-1-1 00:00:00`, `1970-01-01T00:00:00Z`, `2017-01-02`, `… +01:00`
std::optional<Time> base_date(const std::string& text) {
  CivilTime c;
  long year = 0;
  int used = 0;
  if (std::sscanf(text.c_str(), "%ld-%d-%d%n", &year, &c.month, &c.day, &used) != 3) return std::nullopt;
  c.year = year;
  size_t at = static_cast<size_t>(used);
  double second = 0;
  while (at < text.size() && (text[at] == ' ' || text[at] == 'T')) ++at;
  int clock = 0;
  if (at < text.size() && std::sscanf(text.c_str() + at, "%d%n", &c.hour, &clock) == 1 && text[at] != '+' &&
      text[at] != '-') {
    at += static_cast<size_t>(clock);
    int more = 0;
    if (std::sscanf(text.c_str() + at, ":%d%n", &c.minute, &more) == 1) at += static_cast<size_t>(more);
    more = 0;
    if (std::sscanf(text.c_str() + at, ":%lf%n", &second, &more) == 1) at += static_cast<size_t>(more);
  } else {
    c.hour = 0;
  }
  std::string zone = text.substr(std::min(at, text.size()));
  while (!zone.empty() && zone.front() == ' ') zone.erase(0, 1);
  int64_t shift = 0;
  if (!zone.empty() && zone != "Z" && zone != "UTC" && zone != "GMT") {
    int h = 0, m = 0;
    if (std::sscanf(zone.c_str(), "%d:%d", &h, &m) < 1 || std::abs(h) > 14) return std::nullopt;
    shift = h * 3600 + (zone[0] == '-' ? -m : m) * 60;
  }
  c.second = static_cast<int>(second);
  try {
    return Time{time_from_civil(c).seconds - shift};
  } catch (const ConfigError&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<int64_t> seconds_of_unit(std::string_view u) {
  if (u == "seconds" || u == "second" || u == "secs" || u == "sec" || u == "s") return 1;
  if (u == "minutes" || u == "minute" || u == "mins" || u == "min") return 60;
  if (u == "hours" || u == "hour" || u == "hrs" || u == "hr" || u == "h") return 3600;
  if (u == "days" || u == "day" || u == "d") return 86400;
  return std::nullopt;
}

bool is_time_units(std::string_view units) { return units.find(kSince) != std::string_view::npos; }

std::vector<Time> times_from_cf(const std::vector<double>& values, const std::string& units,
                                const std::string& calendar, const std::string& where) {
  const bool is_mixed = calendar.empty() || calendar == "standard" || calendar == "gregorian";
  if (!is_mixed && calendar != "proleptic_gregorian")
    throw DataError("CalendarUnsupported", "io.netcdf",
                    {.what = where + ": calendar",
                     .expected = "standard, gregorian or proleptic_gregorian",
                     .found = "'" + calendar + "'"});
  const size_t since = units.find(kSince);
  if (since == std::string::npos) unreadable(where, units);
  const auto length = seconds_of_unit(units.substr(0, since));
  const auto base = base_date(units.substr(since + kSince.size()));
  if (!length || !base) unreadable(where, units);
  std::vector<Time> times;
  const Time reform = time_from_civil({1582, 10, 15});
  for (double x : values) {
    if (!std::isfinite(x) || std::abs(x) * static_cast<double>(*length) > 1e15)
      throw DataError("UnitsMismatch", "io.netcdf", {.what = where + ": a time", .found = fmt::format("{}", x)});
    const double whole = std::floor(x);  // split so that seconds since 1970 stay exact
    const auto seconds =
        static_cast<int64_t>(whole) * *length + std::llround((x - whole) * static_cast<double>(*length));
    times.push_back(*base + Duration{seconds});
    if (is_mixed && (times.back() < reform || *base < reform))
      throw DataError("CalendarUnsupported", "io.netcdf",
                      {.what = where + ": dates before 1582-10-15",
                       .expected = "calendar proleptic_gregorian",
                       .found = fmt::format("'{}' with '{}'", calendar, units)});
  }
  return times;
}

}  // namespace pear::io
