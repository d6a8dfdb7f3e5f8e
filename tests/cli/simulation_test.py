#!/usr/bin/env python3
"""The chain that needs no data: simulate, ingest, climatology, train, forecast, score, report on configs/test/tiny.yaml.

Also what a simulation does when it is killed, stopped, lengthened, changed, unstable, or short of disk.
Usage: simulation_test.py PEAR SOURCE [unittest options].
"""
import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PEAR, SOURCE = "", ""
TINY = os.path.join("configs", "test", "tiny.yaml")


def command(*args):
    return [PEAR, args[0], os.path.join(SOURCE, TINY), *args[1:]]


def run(*args, threads=1):
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), PEAR_RUNS="unused")
    return subprocess.run(command(*args), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                          env=env, check=False)


def digest(folder):
    """Contents of the files of a simulation (its log apart)."""
    result = {}
    for base, _, names in os.walk(folder):
        for name in names:
            if name.endswith((".nc", ".safetensors", "simulation.json")):
                path = os.path.join(base, name)
                with open(path, "rb") as f:
                    result[os.path.relpath(path, folder)] = hashlib.sha256(f.read()).hexdigest()
    return result


class Scratch(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir, True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def ok(self, *args, code=0):
        result = run(*args)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout + result.stderr


class Chain(Scratch):
    def test_every_verb_from_nothing_to_the_report(self):
        to = "run.dir=" + self.path("run")
        self.assertIn("wrote 40 of 40 states", self.ok("simulate", to))
        self.assertIn("up to date", self.ok("simulate", to))
        self.assertIn("wrote 40 of 40 times", self.ok("ingest", to))
        store = json.loads(subprocess.run([PEAR, "inspect", self.path("run", "store"), "--json"], text=True,
                                          stdout=subprocess.PIPE, check=True).stdout)["result"]
        self.assertEqual(store["data_kind"], "nature_run")
        self.assertEqual(store["statistics_period"], ["2001-01-01T00:00:00Z", "2001-01-31T00:00:00Z"])
        self.ok("train", to)
        self.assertIn("wrote 3 forecast files", self.ok("forecast", to))
        self.assertIn("wrote 3 forecast files", self.ok("forecast", to, "model.name=dycore"))
        self.assertIn("wrote 3 forecast files",
                      self.ok("forecast", to, "model.name=dycore", "dycore.perturbed_physics=true"))
        self.ok("score", to, "score.models=[dycore_t10, dycore_t10_perturbed]")
        with open(self.path("run", "scores.csv"), encoding="utf-8") as f:
            rows = list(csv.DictReader(line for line in f if not line.startswith("#")))
        rmse = {(r["model"], r["variable"], r["level_hpa"], r["lead_time_h"]): float(r["value"]) for r in rows
                if r["metric"] == "rmse"}
        models = {key[0] for key in rmse}
        self.assertEqual(models, {"tiny", "persistence", "climatology", "dycore_t10", "dycore_t10_perturbed"})
        # The same equations at the same truncation: only the way through 3 pressure levels separates it from the truth.
        z500 = {m: rmse[next(k for k in rmse if k[0] == m and k[1] == "z" and float(k[2] or 0) == 500 and
                             float(k[3]) == 48)] for m in models}
        self.assertTrue(all(v > 0 for v in z500.values()), z500)
        self.ok("report", to, "score.models=[dycore_t10, dycore_t10_perturbed]")
        with open(self.path("run", "report.html"), encoding="utf-8") as f:
            page = f.read()
        self.assertIn("simulated", page)
        self.assertIn("dycore_t10", page)


class Simulation(Scratch):
    ARGS = ("run.reproducible=true", "simulate.length=65d")

    def test_killed_and_repeated_is_never_killed(self):
        whole, killed = self.path("whole"), self.path("killed")
        self.ok("simulate", "simulate.dir=" + whole, "run.dir=" + self.path("a"), *self.ARGS)
        expected = digest(whole)
        self.assertEqual(len([n for n in expected if n.startswith("nature_run_")]), 3)
        args = ("simulate", "simulate.dir=" + killed, "run.dir=" + self.path("a"), *self.ARGS)
        env = dict(os.environ, OMP_NUM_THREADS="1", PEAR_RUNS="unused")
        with subprocess.Popen(command(*args), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env) as process:
            for _ in range(3000):
                if process.poll() is not None or os.path.exists(os.path.join(killed, "restart.safetensors")):
                    break
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
        self.assertNotEqual(digest(killed), expected, "the process had ended before it was killed")
        self.ok(*args)
        got = digest(killed)
        # Only the folder's name differs in the recorded command and configuration.
        self.assertEqual(set(got), set(expected))
        self.assertEqual(got["restart.safetensors"], expected["restart.safetensors"])
        for name in expected:
            if name.startswith("nature_run_"):
                self.assertEqual(self.values(os.path.join(killed, name)), self.values(os.path.join(whole, name)), name)

    def values(self, path):
        out = subprocess.run([PEAR, "inspect", path, "--json"], text=True, stdout=subprocess.PIPE, check=True).stdout
        result = json.loads(out)["result"]
        return result["variables"], result["times"]

    def test_longer_continues_shorter(self):
        short, whole = self.path("short"), self.path("whole")
        common = ("run.dir=" + self.path("a"), "run.reproducible=true")
        self.ok("simulate", "simulate.dir=" + whole, "simulate.length=45d", *common)
        self.ok("simulate", "simulate.dir=" + short, "simulate.length=20d", *common)
        self.assertIn("wrote 25 of 46 states", self.ok("simulate", "simulate.dir=" + short, "simulate.length=45d", *common))
        self.assertEqual(digest(short)["restart.safetensors"], digest(whole)["restart.safetensors"])

    def test_bits_do_not_depend_on_the_number_of_threads(self):
        folders = [self.path("1"), self.path("2")]
        for threads, folder in enumerate(folders, start=1):
            result = run("simulate", "simulate.dir=" + folder, "simulate.length=2d", "run.dir=" + self.path("a"),
                         "simulate.truncation=T21", threads=threads)
            self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(*[digest(f)["restart.safetensors"] for f in folders])

    def test_another_truncation_is_refused_and_harms_nothing(self):
        to = "run.dir=" + self.path("run")
        self.ok("simulate", to, "simulate.length=2d")
        before = digest(self.path("run"))
        text = self.ok("simulate", to, "simulate.length=2d", "simulate.truncation=T12", code=1)
        self.assertIn("holds another simulation", text)
        self.assertIn("truncation 12", text)
        self.assertIn("run.overwrite=true", text)
        self.assertEqual(digest(self.path("run")), before)
        # The same with a restart file that lies: from another run under this definition.
        self.ok("simulate", "run.dir=" + self.path("other"), "simulate.length=2d", "simulate.truncation=T12")
        shutil.copy(self.path("other", "nature_run", "restart.safetensors"), self.path("run", "nature_run"))
        text = self.ok("simulate", to, "simulate.length=3d", code=1)
        self.assertIn("restart.safetensors", text)
        self.assertIn("13, 2", text)  # orders of T12
        self.ok("simulate", to, "simulate.length=2d", "simulate.truncation=T12", "run.overwrite=true")

    def test_an_unstable_step_names_step_field_and_layer(self):
        to = "run.dir=" + self.path("run")
        text = self.ok("simulate", to, "simulate.time_step=6h", "simulate.truncation=T31", code=1)
        self.assertIn("left its bounds in step", text)
        self.assertIn("layer", text)
        self.assertIn("time_step", text)
        self.assertFalse([n for n in digest(self.path("run")) if "nature_run_" in n])

    def test_orography_of_another_kind_is_refused(self):
        if shutil.which("ncgen") is None:
            self.skipTest("ncgen (Debian package netcdf-bin) is not installed")
        regional = self.path("regional.nc")
        text = """netcdf f { dimensions: latitude = 3 ; longitude = 4 ;
variables: double latitude(latitude) ; latitude:units = "degrees_north" ;
  double longitude(longitude) ; longitude:units = "degrees_east" ;
  float zs(latitude, longitude) ; zs:units = "m2 s-2" ; zs:standard_name = "surface_geopotential" ;
data: latitude = 50, 45, 40 ; longitude = 0, 5, 10, 15 ; zs = 1,2,3,4,5,6,7,8,9,10,11,12 ; }"""
        subprocess.run(["ncgen", "-k", "nc3", "-o", regional, "-"], input=text, text=True, check=True)
        text = self.ok("simulate", "run.dir=" + self.path("run"), "simulate.surface=files",
                       "simulate.orography=" + regional, code=1)
        self.assertIn("regional.nc", text)
        self.assertIn("global", text)

    def test_members_part_by_a_perturbation(self):
        to = "run.dir=" + self.path("run")
        self.ok("simulate", to, "simulate.length=2d", "simulate.members=2", "simulate.perturbation=0.5")
        first = [self.values(self.path("run", "nature_run", m, "nature_run_20010101T00.nc")) for m in
                 ("member_000", "member_001")]
        self.assertNotEqual(first[0], first[1])
        temperature = [next(v for v in f[0] if v["name"] == "t") for f in first]
        self.assertLess(abs(temperature[0]["mean"] - temperature[1]["mean"]), 0.5)

    def test_disk_full(self):
        small = self.path("small")
        os.mkdir(small)
        mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", small],
                                                       stderr=subprocess.DEVNULL, check=False).returncode == 0
        if not mounted:
            self.skipTest("cannot mount a small tmpfs here")
        try:
            text = self.ok("simulate", "run.dir=" + self.path("run"), "simulate.dir=" + os.path.join(small, "n"), code=1)
            self.assertIn("Hint", text)
            self.assertFalse([n for n in os.listdir(os.path.join(small, "n")) if n.startswith("nature_run_")])
        finally:
            subprocess.run(["umount", "-l", small], check=False)


if __name__ == "__main__":
    PEAR, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
