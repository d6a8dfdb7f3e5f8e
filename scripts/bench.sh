#!/usr/bin/env bash
# Runs the benchmark programs of build/release/benchmarks one after the other. Each prints ratios to a peer or a bound.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
echo "OMP_NUM_THREADS=${OMP_NUM_THREADS:-unset}, $(nproc) cores"
found=0
for program in build/release/benchmarks/*; do
  if [ ! -f "$program" ] || [ ! -x "$program" ]; then continue; fi
  found=1
  echo "== $program"
  "$program" "$@"
done
[ $found = 1 ] || { echo "bench: no benchmark programs in build/release/benchmarks" >&2; exit 1; }
