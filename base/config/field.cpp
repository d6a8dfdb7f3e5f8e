#include "base/config/field.h"

#include <algorithm>

namespace pear {

std::vector<Time> TimeSelection::times() const {
  std::vector<Time> all = period ? period->times() : std::vector<Time>{};
  all.insert(all.end(), list.begin(), list.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

bool TimeSelection::contains(Time t) const {
  return (period && period->contains(t)) || std::find(list.begin(), list.end(), t) != list.end();
}

void ConfigIssues::add(std::string key, std::string what, std::string hint) {
  issues_.push_back({std::move(key), std::move(what), std::move(hint)});
}

}  // namespace pear
