// Dates and durations (base/time).
#include "base/time.h"
#include "tests/fuzz/target.h"

namespace pear::fuzz {

std::vector<std::string> seeds() {
  return {"2019-01-01",   "2019-01-01T12:30:15Z",
          "20190101",     "2019010112",
          "201901011230", "20190101T0600",
          "10d",          "-90min",
          "30s",          "6"};
}

void decode(std::string_view input) {
  try {
    const Duration d = parse_duration(input);
    require(parse_duration(format_duration(d)) == d, "a duration survives its text");
    return;
  } catch (const ConfigError&) {  // then perhaps a time
  }
  const Time t = parse_time(input);
  require(parse_time(format_time(t)) == t, "a time survives its text");
  require(t.seconds % 60 != 0 || parse_time(format_time_compact(t)) == t, "a time survives its form in file names");
  require(day_of_year(t) >= 1 && day_of_year(t) <= 366, "a day of the year");
}

}  // namespace pear::fuzz
