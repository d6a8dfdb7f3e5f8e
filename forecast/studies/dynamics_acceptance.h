// The dynamical core against its acceptance values: runs the cases, prints and stores the table, draws.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "forecast/studies/acceptance_case.h"
#include "forecast/studies/experiment_config.h"

namespace pear::forecast {

struct AcceptanceRequest {
  ExperimentConfig experiment;
  std::filesystem::path run_dir;
  uint64_t seed = 1;
  torch::Device device = torch::kCPU;
};

struct AcceptanceResult {
  std::string table;
  nlohmann::json record;                       ///< acceptance.json
  std::vector<std::filesystem::path> outputs;  ///< what was written
  std::vector<std::string> repeated;           ///< labels of cases that were finished before and not run again
  int64_t num_failed = 0;
};

/// The setups that the request stands for, in order.
std::vector<AcceptanceSetup> acceptance_setups(const AcceptanceRequest& request);

/// Files: run_dir/acceptance.{json,csv}, cases/<label>.json, <label>_*.svg.
/// Errors:  StoppedBySignal between steps: finished cases are kept; as SpectralCore; DataError `WriteFailed`.
AcceptanceResult run_dynamics_acceptance(const AcceptanceRequest& request);

/// Pictures of one finished case (its stored JSON) into `folder`; returns their paths.
std::vector<std::filesystem::path> draw_acceptance(const nlohmann::json& finished, const std::filesystem::path& folder);

}  // namespace pear::forecast
