// The whole configuration: the tree of every component's section, with the checks that need two sections.
#pragma once

#include <string>
#include <vector>

#include "base/config/reader.h"
#include "forecast/config/run_section.h"
#include "forecast/dynamics/simulate_config.h"
#include "forecast/ingest/ingest_config.h"
#include "forecast/model/model_config.h"
#include "forecast/rollout/forecast_config.h"
#include "forecast/studies/experiment_config.h"
#include "forecast/submit/slurm_config.h"
#include "forecast/train/checkpoint_config.h"
#include "forecast/train/data_config.h"
#include "forecast/train/parallel_config.h"
#include "forecast/train/train_config.h"
#include "forecast/verify/climatology_config.h"
#include "forecast/verify/report_config.h"
#include "forecast/verify/score_config.h"
#include "regrid/regrid_config.h"

namespace pear::forecast {

/// Section `check`.
struct CheckSection {
  std::string verb = "train";
  bool probe = true;
  int64_t ranks = 1, steps = 0;
  double bandwidth = 10;
  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("verb", verb,
          {.doc = "verb that `pear check` looks ahead to", .choices = {"ingest", "train", "forecast", "score"}});
    visit("probe", probe, {.doc = "for train: time a sample of the work and predict seconds per step from it"});
    visit("ranks", ranks, {.doc = "processes that the prediction for train is for"});
    visit("bandwidth", bandwidth, {.doc = "GB/s between these processes, an assumption of the prediction"});
    visit("steps", steps, {.doc = "compare the prediction for train with a short run of this many steps; 0: do not"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const {
    if (ranks < 1) issues.add(path + ".ranks", "must be at least 1");
    if (steps < 0) issues.add(path + ".steps", "must not be negative");
    if (!(bandwidth > 0)) issues.add(path + ".bandwidth", "must be positive");
  }
};

struct RunConfig {
  RunSection run;
  std::string grid = "healpix:64";
  DataConfig data;
  SimulateConfig simulate;
  CoreConfig dycore;
  IngestConfig ingest;
  regrid::RegridConfig regrid;
  ModelConfig model;
  TrainConfig train;
  CheckpointConfig checkpoint;
  ParallelConfig parallel;
  ForecastConfig forecast;
  ClimatologyConfig climatology;
  ScoreConfig score;
  ReportConfig report;
  CheckSection check;
  ExperimentConfig experiment;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("run", run, {.doc = "name, place, seed, device"});
    visit("grid", grid, {.doc = "grid of the store and the model, e.g. healpix:64 or latlon:181x360+poles"});
    visit("simulate", simulate, {.doc = "nature run with the dynamical core"});
    visit("dycore", dycore, {.doc = "the dynamical core as a forecast model (model.name: dycore)"});
    visit("data", data, {.doc = "store, variables, periods"});
    visit("ingest", ingest, {.doc = "source files -> store"});
    visit("regrid", regrid, {.doc = "field files -> another grid"});
    visit("model", model, {.doc = "network"});
    visit("train", train, {.doc = "optimisation"});
    visit("checkpoint", checkpoint, {.doc = "when to save"});
    visit("parallel", parallel, {.doc = "several processes"});
    visit("forecast", forecast, {.doc = "rollouts"});
    visit("climatology", climatology,
          {.doc = "mean state of anomalies, of the reference and of the model climatology"});
    visit("score", score, {.doc = "metrics"});
    visit("report", report, {.doc = "page of curves, tables and maps"});
    visit("check", check, {.doc = "preflight"});
    visit("experiment", experiment, {.doc = "studies"});
  }
  /// Where the nature run goes: simulate.dir, else nature_run in the run folder.
  std::string simulation_folder() const {
    return simulate.dir.empty() ? run.folder() + "/nature_run" : simulate.dir.str();
  }
  /// Checks between sections; each section checks itself.
  void validate(ConfigIssues& issues, const std::string& path) const;
};

/// All that a file may hold: what the run is, and how jobs of it are submitted, which no result depends on.
struct ConfigFile {
  RunConfig run;
  SlurmConfig slurm;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    run.visit_fields(visit);
    visit("slurm", slurm, {.doc = "jobs of pear submit"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const { run.validate(issues, path); }
};

/// A configuration with the origin of its values.
struct LoadedConfig {
  RunConfig config;
  ConfigOrigins origins;
  SlurmConfig slurm;
};

/// Errors:  ConfigError as read_config (base/config/reader.h).
LoadedConfig load_run_config(const ConfigInput& input);
/// The same with the profile that slurm.site names between the defaults and the file.
/// Errors:  also ConfigError `UnknownSite`.
LoadedConfig load_job_config(const ConfigInput& input);

/// For keys that only some verbs need. Errors: ConfigError `MissingKey` naming every key that is empty.
struct NeededKey {
  std::string key;
  bool is_set;
};
void require_keys(const std::string& verb, const std::vector<NeededKey>& keys);

}  // namespace pear::forecast
