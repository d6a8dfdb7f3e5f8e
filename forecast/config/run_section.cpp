#include "forecast/config/run_section.h"

#include <algorithm>
#include <cctype>

namespace pear::forecast {
namespace {

bool is_device_name(const std::string& text) {
  if (text == "auto" || text == "cpu" || text == "cuda") return true;
  const std::string prefix = "cuda:";
  return text.starts_with(prefix) && text.size() > prefix.size() && text.size() <= prefix.size() + 3 &&
         std::all_of(text.begin() + static_cast<std::ptrdiff_t>(prefix.size()), text.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

void RunSection::validate(ConfigIssues& issues, const std::string& path) const {
  const bool good_name = !name.empty() && name.find('/') == std::string::npos && name.front() != '.';
  if (!good_name) issues.add(path + ".name", "must be a word that can name a folder");
  if (!is_device_name(device)) issues.add(path + ".device", "expected auto, cpu, cuda or cuda:<n>, found " + device);
  if (seed < 0) issues.add(path + ".seed", "must not be negative");
  if (collective_timeout_s < 0) issues.add(path + ".collective_timeout_s", "must not be negative");
  if (grace_s < 0) issues.add(path + ".grace_s", "must not be negative");
}

}  // namespace pear::forecast
