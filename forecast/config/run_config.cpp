#include "forecast/config/run_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "forecast/submit/site_profile.h"
#include "sphere/grid/grid.h"

namespace pear::forecast {

void RunConfig::validate(ConfigIssues& issues, const std::string&) const {
  try {
    (void)sphere::Grid::from_spec(grid);
  } catch (const ConfigError& e) {
    issues.add(
        "grid",
        fmt::format("{}{}", e.detail().what, e.detail().expected.empty() ? "" : ": expected " + e.detail().expected),
        e.detail().hint);
  }
}

namespace {

/// What is simulated in this run is its data, unless the data section says otherwise.
void take_data_from_simulation(RunConfig& config) {
  if (config.simulate.length.seconds == 0) return;
  const std::string folder = config.simulation_folder();
  const std::string member = config.simulate.members > 1 ? "/member_000" : "";
  if (config.data.sources.empty()) {
    config.data.sources = {Path{folder + member + "/nature_run_*.nc"}};
    config.ingest.kind = "nature_run";
  }
  if (config.data.store.empty()) config.data.store = Path{config.run.folder() + "/store"};
}

LoadedConfig load_over(const SlurmConfig& slurm, const ConfigInput& input) {
  ConfigFile file;
  file.slurm = slurm;
  LoadedConfig loaded;
  loaded.origins = read_config(file, input);
  loaded.config = file.run;
  loaded.slurm = file.slurm;
  take_data_from_simulation(loaded.config);
  return loaded;
}

}  // namespace

LoadedConfig load_run_config(const ConfigInput& input) { return load_over({}, input); }

LoadedConfig load_job_config(const ConfigInput& input) {
  LoadedConfig loaded = load_over({}, input);
  const std::string site = loaded.slurm.site;
  if (site.empty()) return loaded;
  SiteProfile profile;
  read_config(profile, {.file = find_site_profile(site, input.file.value_or("."))});
  return load_over(profile.slurm, input);
}

void require_keys(const std::string& verb, const std::vector<NeededKey>& keys) {
  std::vector<std::string> missing;
  for (const NeededKey& key : keys)
    if (!key.is_set) missing.push_back(key.key);
  if (missing.empty()) return;
  throw ConfigError("MissingKey", "config",
                    {.what = fmt::format("{} needs {}", verb, fmt::join(missing, ", ")),
                     .hint = fmt::format("set {} in the file or as {}=... on the command line",
                                         missing.size() == 1 ? "it" : "them", missing.front())});
}

}  // namespace pear::forecast
