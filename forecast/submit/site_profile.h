// Where the profile of a site lies.
#pragma once

#include <filesystem>
#include <string>

namespace pear::forecast {

/// `site` is a path if it ends in .yaml or holds a /; else `machine/<site>.yaml` and `configs/machine/<site>.yaml` are
/// looked for beside the configuration file and in every folder above it, then below the present folder.
/// Errors:  ConfigError `UnknownSite` naming the profiles that were found.
std::filesystem::path find_site_profile(const std::string& site, const std::filesystem::path& config_file);

}  // namespace pear::forecast
