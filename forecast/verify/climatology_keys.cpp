#include "forecast/verify/climatology_keys.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr int64_t kSecondsPerDay = 86400;
constexpr int64_t kDaysOfLeapYear = 366;
constexpr int64_t kAnyLeapYear = 2000;

bool is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

constexpr std::array<std::pair<ClimatologyKind, const char*>, 5> kKinds{{{ClimatologyKind::Mean, "mean"},
                                                                         {ClimatologyKind::Pear, "pear"},
                                                                         {ClimatologyKind::Wb2, "wb2"},
                                                                         {ClimatologyKind::Windowed, "windowed"},
                                                                         {ClimatologyKind::Harmonics, "harmonics"}}};

bool has_ordinal_days(ClimatologyKind kind) {
  return kind == ClimatologyKind::Wb2 || kind == ClimatologyKind::Windowed;
}

std::vector<double> normalised(std::vector<double> w) {
  double sum = 0;
  for (const double x : w) sum += x;
  for (double& x : w) x *= static_cast<double>(w.size()) / sum;
  return w;
}

}  // namespace

ClimatologyKind climatology_kind_from(const std::string& name) {
  for (const auto& [kind, text] : kKinds)
    if (name == text) return kind;
  throw ConfigError(
      "UnknownClimatology", "climatology.kind",
      {.what = "unknown climatology '" + name + "'", .expected = "harmonics, windowed, wb2, pear or mean"});
}

std::string to_string(ClimatologyKind kind) {
  for (const auto& [k, text] : kKinds)
    if (k == kind) return text;
  return "";
}

int64_t second_of_day(Time t) { return ((t.seconds % kSecondsPerDay) + kSecondsPerDay) % kSecondsPerDay; }

int64_t num_days(ClimatologyKind kind) {
  return kind == ClimatologyKind::Pear || has_ordinal_days(kind) ? kDaysOfLeapYear : 1;
}

int64_t day_index(ClimatologyKind kind, Time t) {
  if (num_days(kind) == 1) return 0;
  if (has_ordinal_days(kind)) return day_of_year(t) - 1;
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
  // The two published definitions are always by hour.
  if (!by_hour && kind != ClimatologyKind::Pear && kind != ClimatologyKind::Wb2) keys.seconds_of_day = {-1};
  keys.members.resize(keys.seconds_of_day.size() * static_cast<size_t>(num_days(kind)));
  for (size_t i = 0; i < times.size(); ++i) {
    const auto key = static_cast<size_t>(keys.find(times[i]));
    keys.members[key].push_back(i);
    const bool last_day = has_ordinal_days(kind) && day_of_year(times[i]) == 365;
    if (last_day && !is_leap(civil_from_time(times[i]).year)) keys.members[key + 1].push_back(i);
  }
  return keys;
}

std::vector<double> wb2_window() {
  constexpr int kHalf = 30;
  std::vector<double> w;
  for (int d = -kHalf; d <= kHalf; ++d) w.push_back(1.0 - std::abs(d) / static_cast<double>(kHalf));
  return normalised(std::move(w));
}

std::vector<double> gaussian_window(int64_t num_days) {
  constexpr double kDeviationsPerWindow = 5;
  const int64_t half = num_days / 2;
  const double deviation = static_cast<double>(num_days) / kDeviationsPerWindow;
  std::vector<double> w;
  for (int64_t d = -half; d <= half; ++d) {
    const double z = static_cast<double>(d) / deviation;
    w.push_back(std::exp(-0.5 * z * z));
  }
  return normalised(std::move(w));
}

}  // namespace pear::forecast
