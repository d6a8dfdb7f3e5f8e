#include "forecast/dynamics/simulate_config.h"

namespace pear::forecast {

void SimulateConfig::validate(ConfigIssues& issues, const std::string& path) const {
  CoreConfig::validate(issues, path);
  const auto positive = [&](const char* key, Duration d) {
    if (d.seconds < 0) issues.add(path + "." + key, "must not be negative, but is " + format_duration(d));
  };
  positive("length", length);
  positive("spin_up", spin_up);
  if (every.seconds <= 0) issues.add(path + ".every", "must be positive, but is " + format_duration(every));
  if (members < 1 || members > 1000) issues.add(path + ".members", "must be 1 to 1000");
  if (!(perturbation >= 0 && perturbation < 100)) issues.add(path + ".perturbation", "must be 0 to 100 K");
}

}  // namespace pear::forecast
