#include "forecast/verify/climatology_config.h"

namespace pear::forecast {

void ClimatologyConfig::validate(ConfigIssues& issues, const std::string& path) const {
  constexpr int64_t kMostHarmonics = 6;  // the sixth has a period of 61 days: more would follow single weather systems
  constexpr int64_t kLongestWindow = 181;
  if (num_harmonics < 1 || num_harmonics > kMostHarmonics)
    issues.add(path + ".num_harmonics", "must lie between 1 and 6", "2 follows the seasons; 0 waves are kind: mean");
  if (window < 1 || window > kLongestWindow || window % 2 == 0)
    issues.add(path + ".window", "must be an odd number of days from 1 to 181", "61");
}

}  // namespace pear::forecast
