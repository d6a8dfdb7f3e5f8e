#include "forecast/submit/site_profile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <vector>

#include "base/error.h"

namespace pear::forecast {
namespace fs = std::filesystem;
namespace {

std::vector<fs::path> profile_folders(const fs::path& config_file) {
  std::vector<fs::path> folders;
  for (fs::path at = fs::absolute(config_file).lexically_normal().parent_path();; at = at.parent_path()) {
    folders.push_back(at / "machine");
    folders.push_back(at / "configs" / "machine");
    if (at == at.parent_path()) break;
  }
  folders.push_back(fs::path("configs") / "machine");
  return folders;
}

[[noreturn]] void unknown_site(const std::string& site, const std::vector<fs::path>& folders) {
  std::set<std::string> known;
  std::error_code ignored;
  for (const fs::path& folder : folders)
    for (const auto& entry : fs::directory_iterator(folder, ignored))
      if (entry.path().extension() == ".yaml") known.insert(entry.path().stem().string());
  throw ConfigError("UnknownSite", "config",
                    {.what = fmt::format("slurm.site={}: there is no such profile", site),
                     .expected = known.empty() ? "a file configs/machine/<site>.yaml"
                                               : fmt::format("one of {}", fmt::join(known, ", ")),
                     .hint = "slurm.site may also be the path of a YAML file"});
}

}  // namespace

fs::path find_site_profile(const std::string& site, const fs::path& config_file) {
  const std::vector<fs::path> folders = profile_folders(config_file);
  std::error_code ignored;
  if (site.ends_with(".yaml") || site.find('/') != std::string::npos) {
    if (fs::is_regular_file(site, ignored)) return site;
    unknown_site(site, folders);
  }
  for (const fs::path& folder : folders)
    if (fs::is_regular_file(folder / (site + ".yaml"), ignored)) return folder / (site + ".yaml");
  unknown_site(site, folders);
}

}  // namespace pear::forecast
