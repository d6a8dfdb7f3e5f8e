#!/usr/bin/env python3
"""Runs the program as a user would: versions, help, JSON, exit codes, inspection of committed configurations.

Usage: program_test.py PEAR SOURCE [unittest options].
"""
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from binary import has_grib  # noqa: E402

PEAR, SOURCE = "", ""
MEMBERS = {"verb", "status", "exit_code", "outputs", "warnings", "error", "result", "provenance"}
VERBS = ["ingest", "regrid", "climatology", "train", "forecast", "score", "inspect", "check"]
PEAR_PARAMETERS = 4279881  # published: arXiv 2505.17720


def run(*args, **kwargs):
    env = dict(os.environ, OMP_NUM_THREADS="1", PEAR_DATA="data", PEAR_RUNS="runs", PEAR_TEST_DATA="test_data")
    return subprocess.run([PEAR, *map(str, args)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120, env=env, **kwargs)


class Program(unittest.TestCase):
    def answer(self, *args, code=0):
        result = run(*args, "--json")
        self.assertEqual(result.returncode, code, result.stderr)
        answer = json.loads(result.stdout)  # exactly one object
        self.assertEqual(set(answer), MEMBERS)
        self.assertEqual(answer["exit_code"], code)
        return answer

    def test_version_names_every_library(self):
        text = run("--version")
        self.assertEqual(text.returncode, 0)
        for word in ("pear", "revision", "LibTorch", "CUDA", "MPI", "ecCodes", "NetCDF", "HDF5"):
            self.assertIn(word, text.stdout)
        result = self.answer("--version")["result"]
        self.assertEqual(set(result["libraries"]), {"LibTorch", "CUDA", "MPI", "ecCodes", "NetCDF", "HDF5"})

    def test_help_of_every_verb(self):
        self.assertIn("ingest", run("--help").stdout)
        for verb in VERBS:
            text = run(verb, "--help")
            self.assertEqual(text.returncode, 0)
            self.assertIn("Exit codes:", text.stdout)
            self.assertEqual(text.stderr, "")

    def test_help_examples_are_accepted_up_to_their_data(self):
        # Without data they may fail (1), but never as wrong usage (2). With data the README test runs such commands.
        for verb in VERBS:
            for example in self.answer(verb, "--help")["result"]["examples"]:
                words = [os.path.expandvars(w) for w in example.split()[1:]]
                words = [w.replace("$PEAR_TEST_DATA", "absent").replace("$PEAR_RUNS", "absent") for w in words]
                words = [os.path.join(SOURCE, w) if w.startswith("configs/") else w for w in words]
                with tempfile.TemporaryDirectory() as scratch:
                    result = run(*words, cwd=scratch)
                self.assertIn(result.returncode, (0, 1), example + "\n" + result.stderr)

    def test_wrong_usage_prints_once_and_exits_2(self):
        for args in ((), ("trian",), ("train",), ("train", "absent.yaml"), ("train", "--fast"), ("inspect",),
                     ("regrid", "a.nc"), ("score", "--allow", "x")):
            result = run(*args)
            self.assertEqual(result.returncode, 2, args)
            self.assertEqual(result.stdout, "", args)
            self.assertEqual(len([line for line in result.stderr.splitlines() if line.startswith("[")]), 1, args)

    def test_unknown_key_names_the_nearest(self):
        answer = self.answer("check", self.pear_yaml(), "train.learning_rate=1", code=2)
        self.assertEqual(answer["error"]["code"], "UnknownKey")
        self.assertIn("Did you mean train.lr?", answer["error"]["what"])
        self.assertEqual(answer["status"], "usage")

    def test_missing_file_is_a_data_error(self):
        answer = self.answer("inspect", "absent.nc", code=1)
        self.assertEqual((answer["status"], answer["error"]["code"]), ("failed", "FileNotFound"))

    def pear_yaml(self):
        return os.path.join(SOURCE, "configs", "model", "pear.yaml")

    def test_published_network_has_its_parameters(self):
        result = self.answer("inspect", self.pear_yaml())["result"]
        self.assertEqual(result["parameters"], PEAR_PARAMETERS)
        self.assertEqual(result["grid"], "healpix:64")
        origins = {v["key"]: v["origin"] for v in result["values"]}
        self.assertIn("pear.yaml:", origins["model.patch"])
        self.assertEqual(origins["train.lr"], "default")
        self.assertTrue(all(v["origin"] for v in result["values"]))

    def test_overrides_have_an_origin(self):
        values = self.answer("inspect", self.pear_yaml(), "train.lr=3e-4")["result"]["values"]
        self.assertIn({"key": "train.lr", "value": "0.0003", "origin": "command line"}, values)

    def test_every_committed_configuration_is_valid(self):
        configs = glob.glob(os.path.join(SOURCE, "configs", "model", "*.yaml"))
        configs += glob.glob(os.path.join(SOURCE, "configs", "run", "*.yaml"))
        self.assertGreater(len(configs), 0)
        for config in configs:
            self.answer("inspect", config)

    def test_keys_are_listed(self):
        keys = {k["key"]: k for k in self.answer("inspect", "--keys")["result"]["keys"]}
        self.assertEqual(keys["train.lr"]["default"], "0.0005")
        self.assertIn("grid", keys)

    def test_check_fails_without_a_store_and_writes_nothing(self):
        with tempfile.TemporaryDirectory() as scratch:
            result = run("check", self.pear_yaml(), cwd=scratch)
            self.assertEqual(result.returncode, 1)
            self.assertIn("FAIL", result.stdout)
            self.assertEqual(os.listdir(scratch), [])

    def test_several_copies_are_refused(self):
        env = dict(os.environ, OMPI_COMM_WORLD_RANK="0", OMPI_COMM_WORLD_SIZE="2", OMPI_COMM_WORLD_LOCAL_RANK="0")
        result = subprocess.run([PEAR, "inspect", "--keys", "--json"], env=env, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(json.loads(result.stdout)["error"]["code"], "TooManyProcesses")


DATA = os.path.join(os.environ.get("PEAR_TEST_DATA", ""), "gfs_wind_201810")
TOY = """
run: {{name: toy, dir: "{dir}/run"}}
grid: healpix:8
data:
  sources: ["{data}"]
  store: "{dir}/store"
  variables: [u10, v10]
  train: {{start: 2018-10-07T00, end: 2018-10-08T18, every: 6h}}
  select: {{start: 2018-10-09T00, end: 2018-10-09T12, every: 6h}}
model: {{patch: [2, 4], dims: [8, 16, 16, 8], depths: [1, 1, 1, 1], heads: [2, 2, 2, 2], window: [1, 4],
        output: tendency}}
train: {{max_steps: 100000, log_every: 1}}
forecast: {{init: 2018-10-09, lead: 12h}}
"""


@unittest.skipUnless(os.path.isdir(DATA), f"no folder {DATA}")
class Chain(unittest.TestCase):
    def setUp(self):
        if not has_grib(PEAR):
            self.skipTest("built without GRIB")
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.dir = scratch.name
        self.config = os.path.join(self.dir, "toy.yaml")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(TOY.format(dir=self.dir, data=os.path.abspath(DATA)))

    def ok(self, *args, code=0):
        result = run(*args)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def test_stopped_run_goes_on_where_it_was(self):
        self.ok("ingest", self.config)
        process = subprocess.Popen([PEAR, "train", self.config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   text=True, env=dict(os.environ, OMP_NUM_THREADS="1"))
        for line in process.stderr:
            if " step 3/" in line:
                process.send_signal(signal.SIGTERM)
                break
        rest = process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(), 3, rest)
        stopped_at = json.loads(run("inspect", os.path.join(self.dir, "run"), "--json").stdout)["result"]["step"]
        self.assertGreaterEqual(stopped_at, 3)
        # The same command goes on; the step at which to stop is no part of what a run is.
        text = self.ok("train", self.config, f"train.stop_at_step={stopped_at + 2}")
        self.assertIn(f"resumed from step_{stopped_at:08d}", text)
        self.assertIn(f"trained {stopped_at + 2} of", text)

    def test_dry_runs_write_nothing(self):
        self.assertIn("times x 2 channels x 768 cells", self.ok("ingest", self.config, "--dry-run"))
        self.assertEqual(os.listdir(self.dir), ["toy.yaml"])
        self.ok("ingest", self.config)
        before = sorted(os.listdir(self.dir))
        self.assertIn("steps", self.ok("train", self.config, "--dry-run"))
        self.ok("forecast", self.config, "--dry-run", "model.name=climatology")
        self.ok("score", self.config, "--dry-run")
        self.ok("check", self.config)
        self.assertEqual(sorted(os.listdir(self.dir)), before)

    def test_baselines_need_no_training(self):
        self.ok("ingest", self.config)
        for name in ("persistence", "climatology"):
            self.assertIn("wrote 1 forecast files", self.ok("forecast", self.config, "model.name=" + name))
            self.assertIn("up to date", self.ok("forecast", self.config, "model.name=" + name))

    def test_climatology_is_written_once_and_used_by_score_and_forecast(self):
        self.ok("ingest", self.config)
        before = sorted(os.listdir(self.dir))
        self.assertIn("kind            mean", self.ok("climatology", self.config, "--dry-run"))
        self.assertEqual(sorted(os.listdir(self.dir)), before)
        self.ok("climatology", self.config, "climatology.kind=harmonics", code=1)
        text = self.ok("climatology", self.config)
        path = text[text.index("wrote ") + 6:].split()[0]
        with open(path, "rb") as f:
            content = f.read()
        self.assertIn("up to date", self.ok("climatology", self.config))
        self.assertIn("kind            mean", self.ok("inspect", path))
        self.ok("forecast", self.config, "model.name=climatology")
        self.ok("score", self.config, "model.name=climatology", "score.metrics=[rmse, acc_wb2]")
        with open(path, "rb") as f:
            self.assertEqual(f.read(), content)
        found = glob.glob(os.path.join(self.dir, "run", "climatology*"))
        self.assertEqual(found, [path])  # neither score nor forecast made one of its own
        # The forecast of the model and the reference are the same state.
        with open(os.path.join(self.dir, "run", "scores.csv"), encoding="utf-8") as f:
            rows = [line.split(",") for line in f.read().splitlines()[1:]]
        rmse = {(r[0], *r[1:5]): r[6] for r in rows if r[5] == "rmse"}
        for key, value in rmse.items():
            if key[0] == "toy":
                self.assertEqual(rmse[("climatology", *key[1:])], value)

    def test_climatology_of_another_store_is_refused(self):
        self.ok("ingest", self.config)
        named = "climatology.file=" + os.path.join(self.dir, "named.nc")
        self.ok("climatology", self.config, named)
        other = "data.store=" + os.path.join(self.dir, "other")
        self.ok("ingest", self.config, other, "ingest.method=bilinear")
        text = self.ok("forecast", self.config, "model.name=climatology", named, other, code=1)
        self.assertIn("climatology of store", text)
        text = self.ok("climatology", self.config, named, "climatology.by_hour=false", code=1)
        self.assertIn("hours", text)
        self.assertIn("run.overwrite", text)
        self.ok("climatology", self.config, named, "climatology.by_hour=false", "run.overwrite=true")
        self.assertIn("lie in its period", self.ok("climatology", self.config, "data.allow_overlap=true",
                                                   "data.test={start: 2018-10-08, end: 2018-10-09, every: 6h}"))

    def test_periods_that_overlap_are_refused(self):
        text = self.ok("train", self.config, "data.select.start=2018-10-08", code=2)
        self.assertIn("data.select", text)
        self.assertIn("data.train", text)


if __name__ == "__main__":
    PEAR, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
