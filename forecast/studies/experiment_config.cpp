#include "forecast/studies/experiment_config.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sphere/grid/grid.h"

namespace pear::forecast {
namespace {

void check_grid(ConfigIssues& issues, const std::string& key, const std::string& spec) {
  try {
    (void)sphere::Grid::from_spec(spec);
  } catch (const ConfigError& e) {
    issues.add(key, e.detail().what + (e.detail().expected.empty() ? "" : ": expected " + e.detail().expected),
               e.detail().hint);
  }
}

void check_comparison(const ExperimentConfig& c, ConfigIssues& issues, const std::string& path) {
  if (c.arms.size() < 2) issues.add(path + ".arms", "a comparison needs at least two arms");
  if (!c.arms.contains(c.baseline))
    issues.add(path + ".baseline", "must be one of the arms, found '" + c.baseline + "'");
  for (const auto& [name, arm] : c.arms)
    if (name.empty() || name.find('/') != std::string::npos || name.front() == '.')
      issues.add(path + ".arms." + name, "must be a word that can name a folder");
  if (c.seeds.empty()) issues.add(path + ".seeds", "at least one seed is needed", "3 or more show the spread");
  auto sorted = c.seeds;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    issues.add(path + ".seeds", "a seed is repeated");
  if (!sorted.empty() && sorted.front() < 0) issues.add(path + ".seeds", "must not be negative");
  for (const std::string& spec : c.score_grids)
    if (spec != "own") check_grid(issues, path + ".score_grids", spec);
}

}  // namespace

void ArmConfig::validate(ConfigIssues& issues, const std::string& path) const {
  check_grid(issues, path + ".grid", grid);
  if (model.name != "pear" && model.name != "pangu_twin")
    issues.add(path + ".model.name", "an arm is a network that can be trained, found " + model.name);
}

void ExperimentConfig::validate(ConfigIssues& issues, const std::string& path) const {
  if (cases.empty()) issues.add(path + ".cases", "at least one case is needed");
  if (truncation != 0 && (truncation < 10 || truncation > 213))
    issues.add(path + ".truncation", "must be 0 or lie between 10 and 213", "42");
  if (layers != 0 && (layers < 2 || layers > 100)) issues.add(path + ".layers", "must be 0 or lie between 2 and 100");
  if (!(days >= 0)) issues.add(path + ".days", "must not be negative");
  const double steps = time_step > 0 ? 21600 / time_step : 1;
  if (!(time_step >= 0) || std::abs(steps - std::round(steps)) > 1e-9 || steps < 1)
    issues.add(path + ".time_step", "must be 0 or divide 6 h (21600 s)", "900");
  if (name == "grid_comparison") check_comparison(*this, issues, path);
  if (spin_up_days < -1) issues.add(path + ".spin_up_days", "must not be negative; -1 is the default");
}

}  // namespace pear::forecast
