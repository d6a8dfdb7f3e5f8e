#!/usr/bin/env bash
# Runs the fuzz targets one after the other and reports; called by `make fuzz` after the build.
#   FUZZ_SECONDS (20) for each target;  names of targets as arguments (all)
# Crashes are kept in build/fuzz/crashes, what was learnt in build/fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=build/fuzz
seconds=${FUZZ_SECONDS:-20}

scratch=$(TMPDIR=$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}") mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch OMP_NUM_THREADS=1
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=0 UBSAN_OPTIONS=print_stacktrace=1

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for program in "$folder"/targets/fuzz_*; do targets+=("$(basename "$program")"); done
fi
mkdir -p "$folder/crashes"
failed=0
printf '%-18s %10s %10s %8s  %s\n' target runs covered corpus result
for name in "${targets[@]}"; do
  corpus=$folder/corpus/$name seeds=$scratch/seeds_$name log=$folder/$name.log
  mkdir -p "$corpus" "$seeds"
  PEAR_FUZZ_SEEDS=$seeds "$folder/targets/$name" >"$log" 2>&1 || { cat "$log"; exit 1; }
  result=ok
  "$folder/targets/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3000 -max_len=8192 -use_value_profile=1 \
    -print_final_stats=1 -artifact_prefix="$folder/crashes/$name-" "$corpus" "$seeds" >"$log" 2>&1 || result=FAILED
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  printf '%-18s %10s %10s %8s  %s\n' "$name" "${runs:-?}" "${covered:-?}" "$(find "$corpus" -type f | wc -l)" "$result"
  if [ "$result" != ok ]; then
    failed=1
    grep -E 'ERROR:|runtime error|SUMMARY|property violated|what\(\)|Test unit written' "$log" | head -n 6 | sed 's/^/    /'
  fi
done
if [ $failed -ne 0 ]; then
  echo "fuzz: reproduce with $folder/targets/NAME FILE, the files are in $folder/crashes" >&2
  exit 1
fi
