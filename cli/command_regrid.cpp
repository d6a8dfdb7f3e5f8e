#include "cli/command_regrid.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/config/writer.h"
#include "base/error.h"
#include "base/log.h"
#include "base/provenance.h"
#include "forecast/config/run_config.h"
#include "regrid/regrid_files.h"

namespace pear::cli {
namespace {

namespace fs = std::filesystem;

bool is_yaml(const fs::path& path) { return path.extension() == ".yaml" || path.extension() == ".yml"; }

/// `method=bilinear` is short for `regrid.method=bilinear`: this verb has only one section.
std::vector<std::string> with_section(const std::vector<std::string>& overrides) {
  const auto keys = list_keys<regrid::RegridConfig>();
  std::vector<std::string> full;
  for (const std::string& text : overrides) {
    const std::string key = text.substr(0, text.find('='));
    const bool is_short = std::any_of(keys.begin(), keys.end(), [&](const KeyInfo& k) { return k.key == key; });
    full.push_back(is_short ? "regrid." + text : text);
  }
  return full;
}

}  // namespace

CommandResult run_regrid(const Arguments& arguments) {
  std::vector<fs::path> paths = arguments.paths;
  ConfigInput input{.overrides = with_section(arguments.overrides)};
  if (!paths.empty() && is_yaml(paths.front())) {
    input.file = paths.front();
    paths.erase(paths.begin());
  }
  const forecast::LoadedConfig loaded = forecast::load_run_config(input);
  const forecast::RunConfig& config = loaded.config;
  if (paths.size() < 2)
    throw ConfigError("NoPath", "cli",
                      {.what = "regrid",
                       .expected = "input files and one output file",
                       .found = fmt::format("{} paths", paths.size()),
                       .hint = "pear regrid IN... OUT grid=healpix:64 method=conservative"});
  forecast::require_keys("regrid", {{"grid", loaded.origins.is_set("grid")}});
  set_provenance_config(to_json_value(config), sha256_of_config(config));
  regrid::RegridRequest request{.inputs = {paths.begin(), paths.end() - 1},
                                .output = paths.back(),
                                .target = sphere::Grid::from_spec(config.grid),
                                .config = config.regrid};
  CommandResult out;
  if (arguments.dry_run) {
    out.text = fmt::format("{} files -> {} on {}, {}\n", request.inputs.size(), request.output.string(),
                           request.target.spec(), config.regrid.method);
    out.result = {
        {"grid", request.target.spec()}, {"method", config.regrid.method}, {"would_write", {request.output.string()}}};
    return out;
  }
  const regrid::RegridReport r = regrid::regrid_files(request);
  for (const std::string& problem : r.problems) log_warn("{}", problem);
  out.outputs = {request.output};
  out.text = fmt::format("wrote {}: {} fields from {} to {}, {}\n", request.output.string(), r.num_fields,
                         fmt::join(r.source_grids, ", "), request.target.spec(), config.regrid.method);
  out.result = {{"fields", r.num_fields},         {"source_grids", r.source_grids}, {"grid", request.target.spec()},
                {"method", config.regrid.method}, {"problems", r.problems},         {"details", r.json}};
  return out;
}

}  // namespace pear::cli
