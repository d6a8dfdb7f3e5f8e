// Which times of a period belong to which mean of a climatology.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace pear::forecast {

enum class ClimatologyKind { Mean, Pear, Wb2, Windowed, Harmonics };
/// Errors: ConfigError `UnknownClimatology`.
ClimatologyKind climatology_kind_from(const std::string& name);
std::string to_string(ClimatologyKind kind);

/// Day index 0..365 of a moment: calendar day in a leap year (pear: 1 March is the same day every year) or ordinal day
/// (wb2, windowed). Mean and harmonics have one day.
int64_t day_index(ClimatologyKind kind, Time t);
int64_t num_days(ClimatologyKind kind);

/// Second of the day, the `hour` axis of a climatology.
int64_t second_of_day(Time t);

/// The means of a climatology: hours x days, each with the positions (in `times`) that it averages.
struct ClimatologyKeys {
  ClimatologyKind kind = ClimatologyKind::Mean;
  std::vector<int64_t> seconds_of_day;       ///< ascending; {-1}: one mean for all hours
  std::vector<std::vector<size_t>> members;  ///< [hour * num_days + day]

  /// Position of the mean that belongs to `t`; -1 if there is none for its hour.
  int64_t find(Time t) const;
};

/// wb2, windowed: in years without a day 366, day 365 also stands for it.
ClimatologyKeys make_climatology_keys(ClimatologyKind kind, bool by_hour, const std::vector<Time>& times);

/// WeatherBench 2: weights 1 - |d|/30 for d = -30..30 (zero at both ends), normalised to mean one over 61 days.
/// Shapes: -> [61].
std::vector<double> wb2_window();

/// Gaussian weights of standard deviation num_days / 5 (61 days: as broad as the triangle of WeatherBench 2), cut off
/// at num_days / 2, normalised to mean one. Shapes: -> [num_days], which is odd.
std::vector<double> gaussian_window(int64_t num_days);

}  // namespace pear::forecast
