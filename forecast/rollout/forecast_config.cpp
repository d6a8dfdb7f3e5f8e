#include "forecast/rollout/forecast_config.h"

#include "base/error.h"
#include "sphere/grid/grid.h"

namespace pear::forecast {

void ForecastConfig::validate(ConfigIssues& issues, const std::string& path) const {
  // 0 is the default of a run that does not forecast; rollout() asks for a positive lead.
  if (lead.seconds < 0) issues.add(path + ".lead", "must be positive", "for example 5d");
  if (every && every->seconds <= 0) issues.add(path + ".every", "must be positive");
  if (every && every->seconds > 0 && lead.seconds % every->seconds != 0)
    issues.add(path + ".lead", "must be a multiple of " + path + ".every = " + format_duration(*every));
  if (members != 1) issues.add(path + ".members", "deterministic models have one member", "set " + path + ".members=1");
  if (export_grid.empty()) return;
  try {
    (void)sphere::Grid::from_spec(export_grid);
  } catch (const ConfigError& error) {
    issues.add(path + ".export_grid", error.detail().what, error.detail().expected);
  }
}

}  // namespace pear::forecast
