#include "forecast/verify/report_config.h"

#include "io/variables.h"

namespace pear::forecast {

void ReportConfig::validate(ConfigIssues& issues, const std::string& path) const {
  const auto check = [&](const std::string& key, const std::string& name) {
    if (!io::find_channel(name))
      issues.add(path + "." + key, "unknown channel '" + name + "'", "write z500, t850, t2m, u10 and so on");
  };
  for (const std::string& name : channels) check("channels", name);
  if (!channel.empty()) check("channel", channel);
  if (lead.seconds < 0) issues.add(path + ".lead", "must not be negative");
}

}  // namespace pear::forecast
