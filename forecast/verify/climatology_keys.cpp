#include "forecast/verify/climatology_keys.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr int64_t kSecondsPerDay = 86400;
constexpr int64_t kDaysOfLeapYear = 366;
constexpr int64_t kAnyLeapYear = 2000;

bool is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

}  // namespace

ClimatologyKind climatology_kind_from(const std::string& name) {
  if (name == "custom") return ClimatologyKind::Custom;
  if (name == "pear") return ClimatologyKind::Pear;
  if (name == "wb2") return ClimatologyKind::Wb2;
  throw ConfigError("UnknownClimatology", "score.climatology.kind",
                    {.what = "unknown climatology '" + name + "'", .expected = "custom, pear or wb2"});
}

int64_t second_of_day(Time t) { return ((t.seconds % kSecondsPerDay) + kSecondsPerDay) % kSecondsPerDay; }

int64_t num_days(ClimatologyKind kind) { return kind == ClimatologyKind::Custom ? 1 : kDaysOfLeapYear; }

int64_t day_index(ClimatologyKind kind, Time t) {
  if (kind == ClimatologyKind::Custom) return 0;
  if (kind == ClimatologyKind::Wb2) return day_of_year(t) - 1;
  const CivilTime c = civil_from_time(t);
  return day_of_year(time_from_civil({.year = kAnyLeapYear, .month = c.month, .day = c.day})) - 1;
}

int64_t ClimatologyKeys::find(Time t) const {
  const int64_t day = day_index(kind, t);
  if (seconds_of_day.size() == 1 && seconds_of_day[0] < 0) return day;
  const auto it = std::lower_bound(seconds_of_day.begin(), seconds_of_day.end(), second_of_day(t));
  if (it == seconds_of_day.end() || *it != second_of_day(t)) return -1;
  return (it - seconds_of_day.begin()) * num_days(kind) + day;
}

ClimatologyKeys make_climatology_keys(ClimatologyKind kind, bool by_hour, const std::vector<Time>& times) {
  ClimatologyKeys keys{.kind = kind};
  std::set<int64_t> seconds;
  for (const Time t : times) seconds.insert(second_of_day(t));
  keys.seconds_of_day.assign(seconds.begin(), seconds.end());
  if (!by_hour && kind == ClimatologyKind::Custom) keys.seconds_of_day = {-1};
  keys.members.resize(keys.seconds_of_day.size() * static_cast<size_t>(num_days(kind)));
  for (size_t i = 0; i < times.size(); ++i) {
    const auto key = static_cast<size_t>(keys.find(times[i]));
    keys.members[key].push_back(i);
    const bool last_day = kind == ClimatologyKind::Wb2 && day_of_year(times[i]) == 365;
    if (last_day && !is_leap(civil_from_time(times[i]).year)) keys.members[key + 1].push_back(i);
  }
  return keys;
}

std::vector<double> wb2_window() {
  constexpr int kHalf = 30;
  std::vector<double> w;
  double sum = 0;
  for (int d = -kHalf; d <= kHalf; ++d) {
    w.push_back(1.0 - std::abs(d) / static_cast<double>(kHalf));
    sum += w.back();
  }
  for (double& x : w) x *= static_cast<double>(w.size()) / sum;
  return w;
}

}  // namespace pear::forecast
