#include "forecast/studies/experiment_config.h"

#include <cmath>

namespace pear::forecast {

void ExperimentConfig::validate(ConfigIssues& issues, const std::string& path) const {
  if (cases.empty()) issues.add(path + ".cases", "at least one case is needed");
  if (truncation != 0 && (truncation < 10 || truncation > 213))
    issues.add(path + ".truncation", "must be 0 or lie between 10 and 213", "42");
  if (layers != 0 && (layers < 2 || layers > 100)) issues.add(path + ".layers", "must be 0 or lie between 2 and 100");
  if (!(days >= 0)) issues.add(path + ".days", "must not be negative");
  const double steps = time_step > 0 ? 21600 / time_step : 1;
  if (!(time_step >= 0) || std::abs(steps - std::round(steps)) > 1e-9 || steps < 1)
    issues.add(path + ".time_step", "must be 0 or divide 6 h (21600 s)", "900");
  if (spin_up_days < -1) issues.add(path + ".spin_up_days", "must not be negative; -1 is the default");
}

}  // namespace pear::forecast
