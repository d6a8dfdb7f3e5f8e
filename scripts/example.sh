#!/usr/bin/env bash
# The main job on real analyses: GFS 10 m winds of October 2018 -> HEALPix store -> training -> forecasts -> scores
# -> report.
#   scripts/example.sh [key.sub=value ...]      passes its arguments on to every step
# Each step may be interrupted and repeated; a finished step says so and is not done again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
pear=${PEAR:-build/release/pear}
config=configs/run/gfs_wind.yaml
export PEAR_TEST_DATA=${PEAR_TEST_DATA:-$PWD/../shared/data}
export PEAR_RUNS=${PEAR_RUNS:-$PWD/runs}

if [ ! -d "$PEAR_TEST_DATA/gfs_wind_201810" ]; then
  echo "example: no folder gfs_wind_201810 in PEAR_TEST_DATA=$PEAR_TEST_DATA." >&2
  echo "It holds 56 GRIB2 files of the GFS 1-degree archive (10u, 10v; 2018-10-06 18 UTC to 2018-10-13 18 UTC)." >&2
  exit 1
fi
start=$SECONDS
step() {
  echo "== $1"
  shift
  "$pear" "$@"
}
step "ingest: read the GRIB analyses, put them on HEALPix, write the store" ingest $config "$@"
step "train: a small PEAR on targets up to 2018-10-11 18 UTC" train $config "$@"
step "forecast: 24 h from every later analysis" forecast $config "$@"
step "score: against the analyses, beside persistence and climatology" score $config "$@"
step "report: one page to look at, report.html" report $config "$@"
echo "== done in $((SECONDS - start)) s; everything is in $PEAR_RUNS/gfs_wind"
