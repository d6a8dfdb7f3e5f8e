// `pear simulate`: a long integration written as analyses would be, which may be stopped, killed and repeated.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "forecast/dynamics/core_assembly.h"
#include "forecast/dynamics/simulate_config.h"

namespace pear::forecast {

struct NatureRunRequest {
  SimulateConfig config;
  std::vector<double> levels_hpa;
  std::filesystem::path folder;
  uint64_t seed = 1;
  bool overwrite = false;     ///< start again over the files of another definition
  nlohmann::json provenance;  ///< goes into every file
};

struct NatureRunReport {
  std::vector<std::filesystem::path> files;  ///< all of the run, in the order of time, member by member
  int64_t states_written = 0, states_total = 0;
  double simulated_days = 0, seconds = 0;  ///< of this call
  double max_wind = 0;                     ///< m s-1, of the states written
  double mean_precipitation = 0;           ///< mm per day
};

/// What would be done, without doing it.
struct NatureRunPlan {
  std::string grid;
  double time_step = 0;
  int64_t layers = 0, states = 0, states_done = 0;
  int64_t bytes = 0;
  std::vector<std::filesystem::path> files;
};
NatureRunPlan plan_nature_run(const NatureRunRequest& request);

/// Files of about a month (`member_<n>/nature_run_<first state>.nc`, CF NetCDF on the model's Gaussian grid, marked
/// kind: nature_run): z, t, u, v, q on levels, msl, u10, v10, t2m; `surface.nc`: zs, lsm. After every file the state is
/// saved to `restart.safetensors`; a run that is killed and repeated gives the same numbers.
///
/// Errors:  DataError `ResultExists` (another definition, naming the first difference), `Unstable`, `RestartMismatch`,
///          `WriteFailed`; ConfigError `BadTimeStep`; StoppedBySignal after the last complete file.
NatureRunReport simulate(const NatureRunRequest& request);

}  // namespace pear::forecast
