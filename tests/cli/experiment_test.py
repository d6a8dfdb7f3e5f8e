#!/usr/bin/env python3
"""The comparison of grids at toy size: from nothing to the page; stopped and continued; changed.

Usage: experiment_test.py PEAR SOURCE [unittest options].
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

PEAR, SOURCE = "", ""
PIECES = 1 + 2 + 2 * 2 * (1 + 3)  # nature run, stores, arms x seeds x (training + own and both grids)


def command(*args):
    return [PEAR, "experiment", os.path.join(SOURCE, "configs", "test", "comparison.yaml"), *args]


class Comparison(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.env = dict(os.environ, OMP_NUM_THREADS="1", PEAR_RUNS="unused")

    def run_pear(self, *args, code=0):
        result = subprocess.run(command(*args), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                                env=self.env, check=False)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def record(self, folder):
        with open(os.path.join(folder, "comparison.json"), encoding="utf-8") as f:
            return json.load(f)

    def test_whole_stopped_and_changed(self):
        whole, stopped = os.path.join(self.dir, "whole"), os.path.join(self.dir, "stopped")
        self.assertIn(f"of {PIECES} pieces", self.run_pear("run.dir=" + whole))
        record = self.record(whole)
        pear, matched = record["arms"]
        self.assertEqual((pear["name"], matched["name"]), ("pear", "matched"))  # the baseline comes first
        for same in ("parameters", "cells", "tokens", "windows"):
            self.assertEqual(pear[same], matched[same])
        self.assertEqual(len(pear["seconds_per_step"]), 2)
        self.assertTrue(any(line.startswith("patch ") for line in matched["differences"]))
        for row in record["rows"]:
            self.assertEqual(len(row["by_seed"]), 2)
            if row["metric"] == "rmse":
                at_home = row["grid"] == "own" or (row["arm"] == "pear") == row["grid"].startswith("healpix")
                self.assertEqual(row["regrid_floor"] == 0, at_home, row)
                self.assertGreater(row["mean"], 0.9 * row["regrid_floor"])
        self.assertEqual({r["grid"] for r in record["rows"]}, {"own", "healpix:8:nested", "latlon:16x48+half"})
        xml.etree.ElementTree.parse(os.path.join(whole, "curves_z500_own.svg"))
        self.assertTrue(os.path.exists(os.path.join(whole, "comparison.html")))
        self.assertFalse(os.path.exists(os.path.join(whole, "arms", "pear", "seed_1", "on_healpix_8_nested", "forecasts")))

        # Stopped in the middle and run again: the same numbers.
        with subprocess.Popen(command("run.dir=" + stopped), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=self.env) as process:
            waited = os.path.join(stopped, "arms", "matched", "seed_1", "checkpoints")
            for _ in range(12000):
                if process.poll() is not None or os.path.exists(waited):
                    break
                time.sleep(0.005)
            process.send_signal(signal.SIGTERM)
        self.assertEqual(process.returncode, 3)
        self.assertFalse(os.path.exists(os.path.join(stopped, "comparison.json")))
        self.run_pear("run.dir=" + stopped)
        again = self.record(stopped)
        self.assertEqual(again["rows"], record["rows"])
        self.assertEqual(again["tests"], record["tests"])

        # Nothing is repeated; another recipe is refused, and done with overwrite.
        self.assertIn(f"{PIECES} of {PIECES} pieces were finished before", self.run_pear("run.dir=" + whole))
        text = self.run_pear("run.dir=" + whole, "train.lr=1e-3", code=1)
        self.assertIn("train.lr", text)
        self.assertIn("run.overwrite=true", text)
        self.assertEqual(self.record(whole)["rows"], record["rows"])
        self.run_pear("run.dir=" + whole, "train.lr=1e-3", "run.overwrite=true")
        self.assertNotEqual(self.record(whole)["rows"], record["rows"])

    def test_mistakes_are_named(self):
        text = self.run_pear("run.dir=" + self.dir, "experiment.baseline=nobody", code=2)
        self.assertIn("experiment.baseline", text)
        text = self.run_pear("run.dir=" + self.dir, "experiment.arms.matched.grid=latlon:18x48+half", "--dry-run")
        self.assertIn("latlon:18x48+half", text)


if __name__ == "__main__":
    PEAR, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
