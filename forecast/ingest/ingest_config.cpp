#include "forecast/ingest/ingest_config.h"

#include <charconv>
#include <cstdint>

namespace pear::forecast {

std::optional<std::pair<int64_t, int64_t>> parse_part(const std::string& text) {
  int64_t i = 0, n = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, i);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '/') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, n);
  if (second.ec != std::errc() || second.ptr != end || i < 1 || n < i) return std::nullopt;
  return std::pair(i, n);
}

void IngestConfig::validate(ConfigIssues& issues, const std::string& path) const {
  const auto share = parse_part(part);
  if (!share)
    issues.add(path + ".part", "'" + part + "' is not a share i/n with 1 <= i <= n", "e.g. 2/8");
  else if (share->second > 1 && stage != "load")
    issues.add(path + ".part", "shares of the dates belong to stage load, not " + stage,
               "run " + path + ".stage=init, then load with every part, then finalise");
  if (step.seconds < 0) issues.add(path + ".step", "a forecast step cannot be negative");
  for (const Duration lag : tendency_lags)
    if (lag.seconds <= 0) issues.add(path + ".tendency_lags", "lag " + format_duration(lag) + " is not positive");
  if (max_missing_fraction < 0 || max_missing_fraction > 1)
    issues.add(path + ".max_missing_fraction", "a share lies between 0 and 1");
}

}  // namespace pear::forecast
