#include "regrid/regrid_config.h"

namespace pear::regrid {

void RegridConfig::validate(ConfigIssues& issues, const std::string& path) const {
  if (!(valid_fraction > 0 && valid_fraction <= 1))
    issues.add(path + ".valid_fraction", "must be above 0 and at most 1, is " + std::to_string(valid_fraction));
}

}  // namespace pear::regrid
