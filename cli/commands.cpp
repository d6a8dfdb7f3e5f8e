#include "cli/commands.h"

#include "cli/command_check.h"
#include "cli/command_climatology.h"
#include "cli/command_experiment.h"
#include "cli/command_forecast.h"
#include "cli/command_ingest.h"
#include "cli/command_inspect.h"
#include "cli/command_regrid.h"
#include "cli/command_report.h"
#include "cli/command_score.h"
#include "cli/command_simulate.h"
#include "cli/command_submit.h"
#include "cli/command_train.h"

namespace pear::cli {

const std::vector<Command>& all_commands() {
  static const std::vector<Command> commands = {
      {.name = "simulate",
       .usage = "CONFIG.yaml [key.sub=value ...]",
       .purpose = "dynamical core -> years of simulated analyses, marked kind: nature_run",
       .sections = {"run", "data", "simulate"},
       .examples = {"pear simulate configs/demo/nature_run.yaml --dry-run",
                    "pear simulate configs/demo/nature_run.yaml simulate.truncation=T21 simulate.length=3d "
                    "simulate.spin_up=1d"},
       .can_stop = true,
       .run = &run_simulate},
      {.name = "ingest",
       .usage = "CONFIG.yaml [key.sub=value ...]",
       .purpose = "GRIB and NetCDF files -> checksummed store on the model's grid, with statistics",
       .sections = {"run", "grid", "data", "ingest"},
       .examples = {"pear ingest configs/run/gfs_wind.yaml --dry-run", "pear ingest configs/run/gfs_wind.yaml"},
       .can_stop = true,
       .run = &run_ingest},
      {.name = "regrid",
       .usage = "IN... OUT grid=SPEC [method=M]  |  CONFIG.yaml",
       .purpose = "field files -> another grid",
       .sections = {"grid", "regrid"},
       .examples = {"pear regrid $PEAR_TEST_DATA/era5/era5_t2m_20170101T12_0p25.nc t2m_hp32.nc grid=healpix:32",
                    "pear regrid t2m_hp32.nc t2m_2deg.nc grid=latlon:91x180+poles method=bilinear"},
       .run = &run_regrid},
      {.name = "climatology",
       .usage = "CONFIG.yaml [key.sub=value ...]",
       .purpose = "store -> mean state by hour and day of the year, for anomalies and as a reference",
       .sections = {"run", "data", "climatology"},
       .examples = {"pear climatology configs/run/gfs_wind.yaml --dry-run",
                    "pear climatology configs/run/gfs_wind.yaml climatology.kind=mean"},
       .can_stop = true,
       .run = &run_climatology},
      {.name = "train",
       .usage = "CONFIG.yaml [key.sub=value ...]",
       .purpose = "store -> checkpoints of a trained network; continues a run that was stopped",
       .sections = {"run", "grid", "data", "model", "train", "checkpoint", "parallel"},
       .examples = {"pear train configs/run/gfs_wind.yaml train.max_steps=2",
                    "pear train configs/run/gfs_wind.yaml train.max_steps=2 --resume"},
       .can_stop = true,
       .can_run_parallel = true,
       .run = &run_train},
      {.name = "forecast",
       .usage = "CONFIG.yaml [key.sub=value ...]",
       .purpose = "checkpoint or named model -> one forecast file per initial time",
       .sections = {"run", "data", "model", "dycore", "climatology", "forecast"},
       .examples = {"pear forecast configs/run/gfs_wind.yaml --dry-run",
                    "pear forecast configs/run/gfs_wind.yaml forecast.lead=24h"},
       .can_stop = true,
       .can_run_parallel = true,
       .run = &run_forecast},
      {.name = "score",
       .usage = "CONFIG.yaml [key.sub=value ...]  |  LEFT RIGHT",
       .purpose = "forecasts against the truth, beside persistence and climatology; or two sets of scores",
       .sections = {"run", "data", "climatology", "score"},
       .examples = {"pear score configs/run/gfs_wind.yaml",
                    "pear score $PEAR_RUNS/gfs_wind $PEAR_RUNS/gfs_wind --json"},
       .can_stop = true,
       .can_run_parallel = true,
       .run = &run_score},
      {.name = "report",
       .usage = "CONFIG.yaml [key.sub=value ...]",
       .purpose = "scores and forecasts -> one page with verdict, curves, table, maps, definitions: report.html",
       .sections = {"run", "data", "report"},
       .examples = {"pear report configs/run/gfs_wind.yaml --dry-run",
                    "pear report configs/run/gfs_wind.yaml report.channel=v10 report.lead=12h"},
       .run = &run_report},
      {.name = "inspect",
       .usage = "PATH [--verify]  |  CHECKPOINT --export-names published [--out FILE]  |  --keys",
       .purpose = "what is this file, store, checkpoint, scores or configuration?",
       .examples = {"pear inspect configs/run/gfs_wind.yaml --json", "pear inspect --keys"},
       .run = &run_inspect},
      {.name = "check",
       .usage = "CONFIG.yaml [check.verb=train] [key.sub=value ...]",
       .purpose = "look ahead: shapes, memory, disk, time, traffic, data; changes nothing",
       .sections = {"run", "grid", "data", "ingest", "model", "dycore", "train", "checkpoint", "forecast",
                    "climatology", "score", "check"},
       .examples = {"pear check configs/run/gfs_wind.yaml",
                    "pear check configs/run/gfs_wind.yaml check.verb=forecast --json",
                    "pear check configs/run/demo.yaml check.steps=5 check.ranks=4"},
       .run = &run_check},
      {.name = "submit",
       .usage = "CONFIG.yaml [key.sub=value ...]  |  --status RUN_FOLDER",
       .purpose = "a run as SLURM jobs: survives time limits and lost nodes, goes on from its checkpoints",
       .sections = {"run", "slurm"},
       .examples = {"pear submit configs/run/gfs_wind.yaml slurm.site=gpu_example --dry-run",
                    "pear submit configs/run/gfs_wind.yaml slurm.site=local4 --requeue --chain 3 --dry-run"},
       .run = &run_submit},
      {.name = "experiment",
       .usage = "CONFIG.yaml [key.sub=value ...]",
       .purpose = "a study by experiment.name: the dynamical core against its acceptance values, networks on two grids",
       .sections = {"run", "simulate", "data", "ingest", "train", "checkpoint", "forecast", "climatology", "score",
                    "experiment"},
       .examples = {"pear experiment configs/run/dynamics_acceptance.yaml --dry-run",
                    "pear experiment configs/run/dynamics_acceptance.yaml experiment.cases=[steady] "
                    "experiment.truncation=21 experiment.days=1",
                    "pear experiment configs/run/grid_comparison.yaml --dry-run"},
       .can_stop = true,
       .run = &run_experiment},
  };
  return commands;
}

const Command* find_command(std::string_view name) {
  for (const Command& command : all_commands())
    if (command.name == name) return &command;
  return nullptr;
}

}  // namespace pear::cli
