// CF time coordinates: "<unit> since <date>" and calendars.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace pear::io {

/// Seconds of a CF time unit (`hours`, `days`, …); empty if it is none (months and years are not lengths).
std::optional<int64_t> seconds_of_unit(std::string_view unit);

/// True for `<unit> since <date>`.
bool is_time_units(std::string_view units);

/// Moments of a coordinate, rounded to whole seconds.
/// Errors:  DataError `CalendarUnsupported` for other calendars than standard, gregorian and proleptic_gregorian, and
///          for dates before 1582-10-15 in the first two; `UnitsMismatch` if the units cannot be read.
std::vector<Time> times_from_cf(const std::vector<double>& values, const std::string& units,
                                const std::string& calendar, const std::string& where);

}  // namespace pear::io
