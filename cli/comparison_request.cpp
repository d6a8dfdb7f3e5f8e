#include "cli/comparison_request.h"

#include <algorithm>
#include <set>

#include "base/provenance.h"
#include "cli/ingest_request.h"
#include "cli/requests.h"
#include "forecast/config/device.h"

namespace pear::cli {
namespace {

namespace fs = std::filesystem;

std::string spec_of(const std::string& grid) { return sphere::Grid::from_spec(grid).spec(); }

/// The configuration as if the grid were the only one.
forecast::RunConfig on_grid(const forecast::RunConfig& config, const std::string& grid) {
  forecast::RunConfig own = config;
  own.grid = grid;
  const fs::path folder = fs::path(config.run.folder()) / "stores";
  own.data.store = Path{(folder / forecast::file_name_of(grid)).string()};
  return own;
}

forecast::NatureRunRequest simulation(const forecast::RunConfig& config) {
  forecast::NatureRunRequest r{.config = config.simulate};
  r.levels_hpa = config.data.levels_hpa;
  r.folder = config.simulation_folder();
  r.seed = static_cast<uint64_t>(config.run.seed);
  r.overwrite = config.run.overwrite;
  r.provenance = provenance_base();
  return r;
}

}  // namespace

forecast::ComparisonRequest comparison_request(const forecast::RunConfig& config) {
  forecast::require_keys("experiment grid_comparison",
                         {{"data.sources (or simulate.length)", !config.data.sources.empty()},
                          {"data.variables", !config.data.variables.empty()},
                          {"data.train", !config.data.train.empty()},
                          {"forecast.init", !config.forecast.init.empty()},
                          {"forecast.lead", config.forecast.lead.seconds > 0}});
  const auto& e = config.experiment;
  forecast::ComparisonRequest out;
  out.run_dir = config.run.folder();
  out.baseline = e.baseline;
  out.seeds = e.seeds;
  out.keep_forecasts = e.keep_forecasts;
  out.overwrite = config.run.overwrite;
  if (config.simulate.length.seconds > 0) out.simulate = simulation(config);
  const auto score_on = [&](const std::string& grid) {
    if (std::find(out.score_grids.begin(), out.score_grids.end(), grid) == out.score_grids.end())
      out.score_grids.push_back(grid);
  };
  if (e.score_grids.empty()) score_on(forecast::kOwnGrid);
  for (const std::string& grid : e.score_grids) score_on(grid == forecast::kOwnGrid ? grid : spec_of(grid));
  std::set<std::string> grids(out.score_grids.begin(), out.score_grids.end());
  grids.erase(forecast::kOwnGrid);
  for (const auto& [name, arm] : e.arms) {
    const std::string grid = spec_of(arm.grid);
    if (e.score_grids.empty()) score_on(grid);
    grids.insert(grid);
    forecast::RunConfig own = on_grid(config, grid);
    own.model = arm.model;
    out.arms.push_back({.name = name, .grid = grid, .train = train_request(own, {})});
    out.arms.back().train.device = forecast::choose_device(config.run.device).device;
  }
  for (const std::string& grid : grids) {
    forecast::RunConfig own = on_grid(config, grid);
    own.model = e.arms.at(e.baseline).model;  // the network's output decides which statistics are stored
    for (const auto& [name, arm] : e.arms)
      if (arm.model.output == "tendency") own.model.output = arm.model.output;
    out.stores.push_back(ingest_request(own));
  }
  out.rollout = rollout_request(config);
  out.score = score_request(config);
  return out;
}

}  // namespace pear::cli
