#include "forecast/verify/score_config.h"

#include <algorithm>

#include "base/error.h"
#include "forecast/verify/metrics.h"
#include "forecast/verify/regions.h"

namespace pear::forecast {

void BoxConfig::validate(ConfigIssues& issues, const std::string& path) const {
  if (!(south < north) || south < -90 || north > 90)
    issues.add(path + ".south", "south must be smaller than north, both within -90..90");
}

void BootstrapConfig::validate(ConfigIssues& issues, const std::string& path) const {
  if (samples < 0) issues.add(path + ".samples", "must not be negative");
  if (block < 0) issues.add(path + ".block", "must not be negative");
  if (!(level > 0 && level < 1)) issues.add(path + ".level", "must lie between 0 and 1", "0.95");
}

void ScoreConfig::validate(ConfigIssues& issues, const std::string& path) const {
  for (const auto& name : metrics) try {
      find_metric(name);
    } catch (const ConfigError& error) {
      issues.add(path + ".metrics", error.detail().what, "choose from: " + error.detail().expected);
    }
  const auto known = known_regions();
  for (const auto& name : regions) {
    const bool land = name.ends_with("_land");
    const std::string base = land ? name.substr(0, name.size() - 5) : name;
    if (boxes.contains(name) || boxes.contains(base)) continue;
    if (std::find(known.begin(), known.end(), base) == known.end()) {
      std::string all;
      for (const auto& k : known) all += (all.empty() ? "" : ", ") + k;
      issues.add(path + ".regions", "unknown region '" + name + "'",
                 "choose from: " + all + ", or define " + path + ".boxes");
    } else if (land && land_fraction.empty()) {
      issues.add(path + ".regions", "region '" + name + "' needs a land fraction", "set " + path + ".land_fraction");
    }
  }
  for (const Duration lead : leads)
    if (lead.seconds <= 0) issues.add(path + ".leads", "lead times must be positive");
  if (metrics.empty()) issues.add(path + ".metrics", "must name at least one metric");
  if (regions.empty()) issues.add(path + ".regions", "must name at least one region");
  for (const auto& [name, box] : boxes) box.validate(issues, path + ".boxes." + name);
  bootstrap.validate(issues, path + ".bootstrap");
}

}  // namespace pear::forecast
