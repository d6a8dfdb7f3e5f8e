#!/usr/bin/env python3
"""Weak and strong scaling of training over the ranks of this machine, beside the prediction of `pear check`.

usage: scaling.py BUILD CONFIG [key=value ...] [--ranks 1,2] [--steps N] [--json]

BUILD is a build folder. CONFIG needs its store (data.store). Weak: every rank keeps train.slots of the configuration;
strong: train.slots is that of the most ranks, shared by all. One thread per rank. Ranks above the number of cores are
marked: their times say nothing about scaling.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile

MPI = {"OMP_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
       "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none"}


def run(command):
    done = subprocess.run(command, env=dict(os.environ, **MPI), text=True, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def train(options, ranks, slots, overlap):
    """Median seconds of a step and the share of it that rank 0 waited for other ranks."""
    with tempfile.TemporaryDirectory() as folder:
        keys = [f"run.dir={folder}", f"train.slots={slots}", f"train.stop_at_step={options.steps + 1}",
                "train.log_every=1", "data.select={}", "checkpoint.every_steps=0", "checkpoint.every_minutes=0",
                f"parallel.overlap={'true' if overlap else 'false'}", "--json"]
        command = [options.pear, "train", options.config, *options.keys, *keys]
        if ranks > 1:
            command = ["mpirun", "-np", str(ranks), *command]
        result = json.loads(run(command))["result"]
        with open(os.path.join(folder, "metrics.csv"), encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["kind"] == "train"][1:]
    waits = [float(row["comm_wait"]) for row in rows if row.get("comm_wait")]
    return result["seconds_per_step"], statistics.median(waits) if waits else 0.0


def predict(options, ranks, slots, bandwidth):
    keys = [f"check.ranks={ranks}", f"check.bandwidth={bandwidth}", f"train.slots={slots}", "--json"]
    return json.loads(run([options.pear, "check", options.config, *options.keys, *keys]))["result"]


def all_reduce(options, ranks):
    return json.loads(run(["mpirun", "-np", str(ranks), os.path.join(options.build, "benchmarks", "mpi", "all_reduce")]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("config")
    parser.add_argument("keys", nargs="*")
    parser.add_argument("--ranks", default="1,2")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_intermixed_args()
    options.pear = os.path.join(options.build, "pear")
    ranks = [int(n) for n in options.ranks.split(",")]
    cores = len(os.sched_getaffinity(0))
    reductions = [all_reduce(options, n) for n in ranks if n > 1]
    bandwidth = max((row["ours_gb_s"] for row in reductions[0]["results"]), default=10) if reductions else 10
    rows = []
    for kind in ("weak", "strong"):
        first = None
        for n in ranks:
            slots = n if kind == "weak" else max(ranks)
            seconds, wait = train(options, n, slots, True)
            without, wait_without = train(options, n, slots, False) if n > 1 else (seconds, wait)
            first = first or seconds
            expected = predict(options, n, slots, bandwidth)
            efficiency = first / seconds if kind == "weak" else first * ranks[0] / (n * seconds)
            rows.append({"kind": kind, "ranks": n, "slots": slots, "seconds_per_step": seconds, "comm_wait": wait,
                         "seconds_without_overlap": without, "comm_wait_without_overlap": wait_without,
                         "efficiency": efficiency, "bytes_per_step": expected["bytes_per_step"],
                         "predicted_seconds": expected["seconds_per_step"], "more_ranks_than_cores": n > cores})
    report = {"benchmark": "scaling", "config": options.config, "keys": options.keys, "cores": cores, "threads": 1,
              "steps": options.steps, "all_reduce": reductions, "results": rows}
    if options.json:
        print(json.dumps(report))
        return
    print(f"{options.config} {' '.join(options.keys)}; 1 thread per rank, {cores} cores, load {os.getloadavg()[0]:.1f}")
    for reduction in reductions:
        print(f"sum of float32 over {reduction['ranks']} ranks: bytes, GB/s by training's exchange, by MPI_Allreduce, "
              "of a copy in memory")
        for row in reduction["results"]:
            print(f"  {row['bytes']:>10} {row['ours_gb_s']:>8.2f} {row['library_gb_s']:>8.2f} {row['copy_gb_s']:>8.2f}")
    print(f"{'':>6} {'ranks':>5} {'slots':>5} {'s/step':>8} {'effic.':>7} {'wait':>6} | {'s/step':>8} {'wait':>6} "
          f"| {'MB/step':>8} {'predicted':>9} {'error':>6}")
    print(f"{'':>42} | {'no overlap':>15} |")
    for r in rows:
        error = r["predicted_seconds"] / r["seconds_per_step"] - 1
        print(f"{r['kind']:>6} {r['ranks']:>5} {r['slots']:>5} {r['seconds_per_step']:>8.3f} {r['efficiency']:>7.2f} "
              f"{r['comm_wait']:>6.1%} | {r['seconds_without_overlap']:>8.3f} {r['comm_wait_without_overlap']:>6.1%} | "
              f"{r['bytes_per_step'] / 1e6:>8.1f} {r['predicted_seconds']:>9.3f} {error:>+6.0%}"
              f"{'  more ranks than cores' if r['more_ranks_than_cores'] else ''}")


if __name__ == "__main__":
    main()
