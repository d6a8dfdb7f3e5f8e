// Networks on different grids under the same conditions: data, seeds, steps, optimiser, initial times, scores.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "forecast/dynamics/nature_run.h"
#include "forecast/ingest/ingest.h"
#include "forecast/rollout/rollout.h"
#include "forecast/train/trainer.h"
#include "forecast/verify/score.h"

namespace pear::forecast {

/// Among the score grids: each arm on its own grid, where nothing is regridded, against the truth on that grid.
inline constexpr const char* kOwnGrid = "own";

/// One competitor. `train` holds what all arms share and the arm's network; the study sets folder, seed and stores.
struct ComparisonArm {
  std::string name, grid;  ///< grid: spec
  TrainRequest train;
};

struct ComparisonRequest {
  std::filesystem::path run_dir;
  std::optional<NatureRunRequest> simulate;  ///< done first if set
  std::vector<IngestRequest> stores;         ///< one for each grid of arms and scores
  std::vector<ComparisonArm> arms;
  std::string baseline;  ///< arm that the others are compared with; its store's statistics normalise all arms
  std::vector<int64_t> seeds;
  std::vector<std::string> score_grids;  ///< specs, or kOwnGrid
  RolloutRequest rollout;                ///< initial times, leads
  ScoreRequest score;                    ///< metrics, variables, climatology
  bool keep_forecasts = false;
  bool overwrite = false;  ///< do pieces of another definition again
};

struct ComparisonResult {
  std::string table;
  nlohmann::json record;                       ///< comparison.json
  std::vector<std::filesystem::path> outputs;  ///< what was written
  int64_t num_repeated = 0;                    ///< pieces that were finished before
  int64_t num_pieces = 0;
};

/// Trains every arm with every seed, forecasts, scores on every grid, compares.
///
/// A forecast on another grid is regridded conservatively, winds as vectors; the truth on each grid comes straight from
/// the source data. Finished pieces (simulation, stores, trained and scored arms) are files and are not repeated.
/// Files:   run_dir/comparison.{json,csv,txt,html}, curves_*.svg, stores/, arms/<arm>/seed_<n>/.
/// Errors:  DataError `ResultExists` (a piece of another definition; hint run.overwrite=true), those of simulate,
///          ingest, train, rollout, score; StoppedBySignal: run again to continue.
ComparisonResult run_grid_comparison(const ComparisonRequest& request);

/// Grid specs as parts of file names: `latlon:48x64+half` -> `latlon_48x64_half`.
std::string file_name_of(const std::string& grid);

}  // namespace pear::forecast
