#!/bin/sh
# usage: processes.sh PROGRAM COUNT: the summary lines of COUNT processes that run at the same time.
set -eu
program=$1 count=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for i in $(seq "$count"); do OMP_NUM_THREADS=1 "$program" --quick > "$folder/$i" & done
wait
for i in $(seq "$count"); do
  echo "process $i of $count"
  grep 'per step' "$folder/$i"
done
