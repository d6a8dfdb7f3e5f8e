#!/usr/bin/env python3
"""Feeds the program what users really feed it: damaged files, odd layouts, mistakes, kills and full disks.

Every case runs the real binary and asks for: the documented exit code, a message that names what is wrong, and no harm
to files that were there before. Usage: bad_input_test.py PEAR SOURCE [unittest options].
Cases that need real files, ncgen or a mountable tmpfs are skipped with the reason.
"""
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

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from binary import has_grib  # noqa: E402

PEAR, SOURCE = "", ""
DATA = os.environ.get("PEAR_TEST_DATA", "")
GFS = os.path.join(DATA, "gfs_wind_201810")

CONFIG = """
run: {{name: toy, dir: "{dir}/run", seed: 1}}
grid: healpix:8
data:
  sources: ["{gfs}"]
  store: "{dir}/store"
  variables: [u10, v10]
  every: 6h
  train: {{start: 2018-10-07T00, end: 2018-10-08T18, every: 6h}}
  select: {{start: 2018-10-09T00, end: 2018-10-09T12, every: 6h}}
ingest: {{method: conservative}}
model: {{name: pear, patch: [2, 4], dims: [8, 16, 16, 8], depths: [1, 1, 1, 1], heads: [2, 2, 2, 2], window: [1, 4], output: tendency}}
train: {{max_steps: 6, lr: 1e-3, log_every: 1}}
checkpoint: {{every_steps: 2, keep_last: 3}}
forecast: {{init: {{start: 2018-10-09T00, end: 2018-10-09T00, every: 6h}}, lead: 12h, every: 6h}}
score: {{references: [persistence, climatology]}}
"""


def run(*args, **kwargs):
    env = dict(os.environ, OMP_NUM_THREADS="1", **kwargs.pop("env", {}))
    return subprocess.run([PEAR, *map(str, args)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=240, env=env, **kwargs)


def digest(folder):
    """Names and contents of a folder, to prove that nothing changed."""
    result = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            with open(path, "rb") as f:
                result[os.path.relpath(path, folder)] = hashlib.sha256(f.read()).hexdigest()
    return result


def netcdf(path, cdl, kind="nc3"):
    subprocess.run(["ncgen", "-k", kind, "-o", path, "-"], input=cdl, text=True, check=True)
    return path


def cdl(lats, lons, value, units="K", name="t2m", extra="", nan=()):
    """A 2-D field of `value(lat, lon)` as CDL text."""
    cells = [[value(a, o) for o in lons] for a in lats]
    flat = ["NaN" if i in nan else repr(float(v)) for i, v in enumerate(v for row in cells for v in row)]
    return f"""netcdf f {{
dimensions: time = 1 ; latitude = {len(lats)} ; longitude = {len(lons)} ;
variables:
  double time(time) ; time:units = "hours since 1900-01-01 00:00:00" ;
  double latitude(latitude) ; latitude:units = "degrees_north" ;
  double longitude(longitude) ; longitude:units = "degrees_east" ;
  float {name}(time, latitude, longitude) ; {name}:units = "{units}" ; {extra}
data:
  time = 1040832 ;
  latitude = {", ".join(map(repr, lats))} ;
  longitude = {", ".join(map(repr, lons))} ;
  {name} = {", ".join(flat)} ;
}}"""


def wave(lat, lon):
    return 280 + lat / 10 + ((lon + 360) % 360) / 100


NORTH_FIRST = [90.0 - 10 * i for i in range(19)]
EAST = [10.0 * i for i in range(36)]


class Scratch(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir, True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def check(self, result, code, *words):
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        for word in words:
            self.assertIn(word, result.stdout + result.stderr)
        self.assertNotIn("terminate called", result.stderr)
        self.assertLessEqual(result.stderr.count("Hint:"), 3, "the message is repeated:\n" + result.stderr)

    def need_data(self):
        if not has_grib(PEAR):
            self.skipTest("built without GRIB")
        if not os.path.isdir(GFS):
            self.skipTest(f"no gfs_wind_201810 in PEAR_TEST_DATA={DATA!r}")

    def need_ncgen(self):
        if not shutil.which("ncgen"):
            self.skipTest("ncgen (Debian package netcdf-bin) is not installed")

    def config(self, gfs=None, **replace):
        text = CONFIG.format(dir=self.dir, gfs=gfs or GFS)
        for old, new in replace.values():
            assert old in text, old
            text = text.replace(old, new)
        with open(self.path("toy.yaml"), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path("toy.yaml")


class Layouts(Scratch):
    """The same field in every layout a user may have gives the same values on HEALPix."""

    def setUp(self):
        super().setUp()
        self.need_ncgen()

    def regridded(self, name, text, kind="nc3"):
        source = netcdf(self.path(name + ".nc"), text, kind)
        self.check(run("regrid", source, self.path(name + "_hp.nc"), "grid=healpix:8", "method=bilinear"), 0)
        info = run("inspect", self.path(name + "_hp.nc"), "--json")
        self.check(info, 0)
        (variable,) = [v for v in json.loads(info.stdout)["result"]["variables"] if v["name"] == "t2m"]
        return variable

    def test_row_order_and_longitude_origin_do_not_matter(self):
        base = self.regridded("base", cdl(NORTH_FIRST, EAST, wave))
        south = self.regridded("south", cdl(NORTH_FIRST[::-1], EAST, wave))
        west = self.regridded("west", cdl(NORTH_FIRST, [o - 180 for o in EAST], wave))
        for other in (south, west):
            for key in ("min", "mean", "max"):
                self.assertEqual(base[key], other[key])

    def test_packed_integers_are_unpacked(self):
        text = cdl(NORTH_FIRST, EAST, lambda a, o: (wave(a, o) - 280) * 100,
                   extra="t2m:scale_factor = 0.01 ; t2m:add_offset = 280. ;").replace("float t2m", "short t2m")
        packed = self.regridded("packed", text)
        self.assertGreater(packed["min"], 270)
        self.assertLess(packed["max"], 295)

    def test_celsius_becomes_kelvin(self):
        celsius = self.regridded("celsius", cdl(NORTH_FIRST, EAST, lambda a, o: wave(a, o) - 273.15, units="degC"))
        self.assertAlmostEqual(celsius["mean"], self.regridded("kelvin", cdl(NORTH_FIRST, EAST, wave))["mean"], 3)

    def test_wrong_units_are_refused(self):
        source = netcdf(self.path("bad.nc"), cdl(NORTH_FIRST, EAST, wave, units="furlong"))
        result = run("regrid", source, self.path("out.nc"), "grid=healpix:8", "method=bilinear")
        self.check(result, 1, "bad.nc", "t2m", "furlong", "K")
        self.assertFalse(os.path.exists(self.path("out.nc")))

    def test_nan_is_kept_or_refused_but_never_zero(self):
        source = netcdf(self.path("nan.nc"), cdl(NORTH_FIRST, EAST, wave, nan=range(100, 140)))
        result = run("regrid", source, self.path("nan_hp.nc"), "grid=healpix:8", "method=conservative", "--json")
        if result.returncode == 0:
            info = json.loads(run("inspect", self.path("nan_hp.nc"), "--json").stdout)
            (variable,) = [v for v in info["result"]["variables"] if v["name"] == "t2m"]
            self.assertGreater(variable["min"], 200)
        else:
            self.check(result, 1, "NaN")


class DamagedFiles(Scratch):
    def setUp(self):
        super().setUp()
        self.need_data()
        self.gfs = self.path("gfs")
        shutil.copytree(GFS, self.gfs)

    def test_truncated_grib(self):
        victim = os.path.join(self.gfs, "gfs_1p00_2018100712_f000.grib2")
        os.chmod(victim, 0o644)
        with open(victim, "r+b") as f:
            f.truncate(os.path.getsize(victim) * 2 // 3)
        result = run("ingest", self.config(self.gfs))
        self.check(result, 1, "gfs_1p00_2018100712_f000.grib2", "Hint")
        info = run("inspect", victim)
        self.check(info, 1, "gfs_1p00_2018100712_f000.grib2")

    def test_a_date_without_its_files_is_named(self):
        os.chmod(self.gfs, 0o755)
        os.remove(os.path.join(self.gfs, "gfs_1p00_2018100806_f000.grib2"))
        result = run("ingest", self.config(self.gfs))
        self.check(result, 1, "2018-10-08T06")

    def test_a_variable_missing_on_one_date_is_named(self):
        if not shutil.which("grib_copy"):
            self.skipTest("grib_copy (Debian package libeccodes-tools) is not installed")
        os.chmod(self.gfs, 0o755)
        victim = os.path.join(self.gfs, "gfs_1p00_2018100806_f000.grib2")
        subprocess.run(["grib_copy", "-w", "shortName=10u", victim, victim + ".new"], check=True)
        os.replace(victim + ".new", victim)
        result = run("ingest", self.config(self.gfs))
        self.check(result, 1, "v10", "2018-10-08T06")

    def test_an_empty_and_a_text_file_are_no_fields(self):
        for name, content in (("empty.grib2", b""), ("text.nc", b"hello, this is no data\n" * 20)):
            with open(self.path(name), "wb") as f:
                f.write(content)
            self.check(run("inspect", self.path(name)), 1, name)


class Mistakes(Scratch):
    def check_usage(self, result, *words):
        self.check(result, 2, *words)
        self.assertEqual(os.listdir(self.dir), ["toy.yaml"])

    def test_misspelt_key(self):
        config = self.config(a=("max_steps: 6, lr: 1e-3", "max_steps: 6, learningrate: 1e-3"))
        self.check_usage(run("train", config), "train.learningrate", "toy.yaml:")
        config = self.config(a=("max_steps", "maxsteps"))
        self.check_usage(run("train", config), "train.maxsteps", "train.max_steps")

    def test_wrong_type(self):
        self.check_usage(run("train", self.config(a=("lr: 1e-3", "lr: fast"))), "train.lr", "fast")

    def test_negative_lead_time(self):
        self.check_usage(run("forecast", self.config(a=("lead: 12h", "lead: -12h"))), "forecast.lead")

    def test_unknown_override(self):
        self.check_usage(run("train", self.config(), "train.rl=1"), "train.rl", "train.lr")

    def test_unknown_verb_flag_and_missing_file(self):
        self.check(run("trian", "x.yaml"), 2, "trian", "train")
        self.check(run("train", self.config(), "--fast"), 2, "--fast")
        self.check(run("train", self.path("absent.yaml")), 2, "absent.yaml")

    def test_json_error_object(self):
        result = run("train", self.config(a=("lr: 1e-3", "lr: fast")), "--json")
        self.assertEqual(result.returncode, 2)
        answer = json.loads(result.stdout)
        self.assertEqual((answer["verb"], answer["exit_code"]), ("train", 2))
        self.assertTrue(answer["error"]["code"])


class Runs(Scratch):
    """One toy run, then everything that can happen to it."""

    def setUp(self):
        super().setUp()
        self.need_data()

    def chain(self, config, *verbs):
        for verb in verbs:
            self.check(run(verb, config), 0)

    def test_ingest_killed_and_repeated_gives_the_same_store(self):
        config = self.config()
        process = subprocess.Popen([PEAR, "ingest", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.time() + 60
        while time.time() < deadline and process.poll() is None:
            parts = [f for _, _, fs in os.walk(self.path("store")) for f in fs if f.endswith(".nc")]
            if len(parts) >= 3:
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if not os.path.exists(self.path("store", "store.json")):
            self.check(run("train", config), 1, "store")
        half = run("inspect", self.path("store"), "--json")
        self.check(half, 0)
        self.chain(config, "ingest")
        killed = {k: v for k, v in digest(self.path("store")).items() if k.endswith(".nc")}
        self.check(run("ingest", config), 0, "up to date")
        shutil.rmtree(self.path("store"))
        self.chain(config, "ingest")
        fresh = {k: v for k, v in digest(self.path("store")).items() if k.endswith(".nc")}
        self.assertEqual(set(killed), set(fresh))
        self.check(run("inspect", self.path("store"), "--verify"), 0)

    def test_chain_then_damage(self):
        config = self.config()
        self.chain(config, "ingest", "train", "forecast", "score")
        with open(self.path("run", "scores.csv"), encoding="utf-8") as f:
            lines = f.read().splitlines()
        self.assertEqual(lines[0], "model,variable,level_hpa,region,lead_time_h,metric,value,ci_low,ci_high,num_init,"
                                   "unit,definition_id")
        self.assertEqual({line.split(",")[0] for line in lines[1:]}, {"toy", "persistence", "climatology"})

        with self.subTest("another grid than the store's"):
            before = digest(self.dir)
            self.check(run("train", config, "grid=healpix:16", "run.dir=" + self.path("other")), 1, "healpix:16",
                       "healpix:8")
            for name, value in before.items():
                self.assertEqual(digest(self.dir)[name], value)

        with self.subTest("truncated checkpoint"):
            folders = sorted(f for f in os.listdir(self.path("run", "checkpoints")) if f.startswith("step_"))
            weights = self.path("run", "checkpoints", folders[-1], "model.safetensors")
            with open(weights, "r+b") as f:
                f.truncate(os.path.getsize(weights) // 2)
            self.check(run("inspect", weights), 1, "model.safetensors")
            resumed = run("train", config, "--resume", "train.max_steps=6")
            self.check(resumed, 0, folders[-1])

        with self.subTest("output folder not writable"):
            with open(self.path("file"), "w", encoding="utf-8") as f:
                f.write("in the way")
            result = run("train", config, "run.dir=" + self.path("file", "run"))
            self.assertIn(result.returncode, (1, 2))
            self.assertIn("file", result.stderr)
            with open(self.path("file"), encoding="utf-8") as f:
                self.assertEqual(f.read(), "in the way")

    def test_disk_full(self):
        small = self.path("small")
        os.mkdir(small)
        mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small],
                                                       stderr=subprocess.DEVNULL).returncode == 0
        if not mounted:
            self.skipTest("cannot mount a small tmpfs here")
        try:
            config = self.config()
            self.check(run("ingest", config, "data.store=" + os.path.join(small, "store")), 1)
            half = run("inspect", os.path.join(small, "store"), "--json")
            if half.returncode == 0:
                self.assertFalse(json.loads(half.stdout)["result"]["finalised"], "an incomplete store looks complete")
            self.check(run("train", config, "data.store=" + os.path.join(small, "store")), 1, "store")
            self.chain(config, "ingest")
            result = run("train", config, "run.dir=" + os.path.join(small, "run"), "model.dims=[48, 96, 96, 48]")
            self.check(result, 1)
        finally:
            subprocess.run(["umount", "-l", small], check=False)


if __name__ == "__main__":
    PEAR, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
