#!/usr/bin/env bash
# The whole way with no download: simulated weather -> HEALPix store -> training -> 5-day forecasts -> scores -> report.
#   scripts/demo.sh [CONFIG]
# Each step may be interrupted and repeated; a finished step says so and is not done again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pear=${PEAR:-build/release/pear}
config=${1:-configs/run/demo.yaml}
export PEAR_RUNS=${PEAR_RUNS:-$PWD/runs}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(nproc)}
start=$SECONDS
step() {
  echo "== [$((SECONDS - start)) s] $1"
  shift
  "$pear" "$@"
}

step "simulate: two years of weather from a T31 primitive-equation model" simulate "$config"
step "ingest: put the states on HEALPix nside 16, write the store" ingest "$config"
step "climatology: the mean state of every day of the year" climatology "$config"
step "train: PEAR learns the change of a day" train "$config"
step "forecast: 5 days from dates it has not seen" forecast "$config"
step "forecast: the same with the dynamical core at T21" forecast "$config" model.name=dycore
step "forecast: and with its physics off by 20 to 30 %" forecast "$config" model.name=dycore dycore.perturbed_physics=true
step "score: all of them against the simulated truth, beside persistence and climatology" score "$config"
step "report: one page" report "$config"
echo "== done in $((SECONDS - start)) s; open report.html in the run folder"
