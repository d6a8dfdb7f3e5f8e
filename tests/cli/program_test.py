#!/usr/bin/env python3
"""Runs the program as a user would: versions, help, JSON, exit codes, inspection of committed configurations.

Usage: program_test.py PEAR SOURCE [unittest options].
"""
import base64
import glob
import html.parser
import importlib.util
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from binary import has_grib  # noqa: E402

PEAR, SOURCE = "", ""
MEMBERS = {"verb", "status", "exit_code", "outputs", "warnings", "error", "result", "provenance"}
VERBS = ["simulate", "ingest", "regrid", "climatology", "train", "forecast", "score", "report", "inspect", "check",
         "submit", "experiment"]
PEAR_PARAMETERS = 4279881  # published: arXiv 2505.17720
HEAL_SWIN_PARAMETERS = 41279688
TWIN_PARAMETERS = {"matched": PEAR_PARAMETERS, "published": 11385993, "published_large": 33696777}


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

    def test_lat_lon_twins_have_their_parameters(self):
        for twin, parameters in TWIN_PARAMETERS.items():
            config = os.path.join(SOURCE, "configs", "model", f"pangu_twin_{twin}.yaml")
            self.assertEqual(self.answer("inspect", config)["result"]["parameters"], parameters, twin)

    def test_heal_swin_has_its_parameters(self):
        config = os.path.join(SOURCE, "configs", "model", "heal_swin.yaml")
        self.assertEqual(self.answer("inspect", config)["result"]["parameters"], HEAL_SWIN_PARAMETERS)
        whole = self.answer("inspect", config, "vision.base_pixels=12", "vision.nside=128")["result"]
        self.assertEqual(whole["parameters"], HEAL_SWIN_PARAMETERS)
        answer = self.answer("inspect", config, "vision.nside=100", code=2)
        self.assertIn("vision.nside: 100 is no power of two", answer["error"]["what"])

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
        self.assertIn("vision.nside", keys)
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


class Page(html.parser.HTMLParser):
    """A page whose elements are closed in order, without scripts, styles from elsewhere or anything to fetch."""

    def check(self, test, text):
        self.test, self.open = test, []
        self.feed(text)
        self.close()
        self.test.assertEqual(self.open, [])

    def handle_startendtag(self, tag, attrs):
        self.attributes(tag, attrs)

    def handle_starttag(self, tag, attrs):
        self.attributes(tag, attrs)
        self.open.append(tag)

    def handle_endtag(self, tag):
        self.test.assertEqual(self.open.pop(), tag)

    def attributes(self, tag, attrs):
        self.test.assertNotIn(tag, ("script", "link", "iframe", "img", "object"))
        for name, value in attrs:
            self.test.assertFalse(name.startswith("on") or name == "src", (tag, name))
            if name.endswith("href"):
                self.test.assertTrue(value.startswith("data:image/png;base64,"), value[:40])


def png_size(test, picture):
    """Width and height of a PNG; every chunk's CRC and the size of the pixel data are checked."""
    test.assertEqual(picture[:8], b"\x89PNG\r\n\x1a\n")
    at, data, size = 8, b"", (0, 0)
    while at < len(picture):
        length, = struct.unpack(">I", picture[at:at + 4])
        body = picture[at + 4:at + 8 + length]
        test.assertEqual(struct.unpack(">I", picture[at + 8 + length:at + 12 + length])[0], zlib.crc32(body))
        if body[:4] == b"IHDR":
            size = struct.unpack(">II", body[4:12])
        if body[:4] == b"IDAT":
            data += body[4:]
        at += 12 + length
    test.assertEqual(len(zlib.decompress(data)), size[1] * (size[0] + 1))
    return size


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

    def test_check_predicts_a_training_run_and_measures_how_far_it_is_off(self):
        def result_of(*args, code=0):
            answer = run(*args, "--json")
            self.assertEqual(answer.returncode, code, answer.stderr)
            return json.loads(answer.stdout)["result"]

        self.ok("ingest", self.config)
        before = sorted(os.listdir(self.dir))
        plan = result_of("train", self.config, "--dry-run")
        for ranks, sent in ((1, 0), (2, 4 * plan["parameters"])):
            result = result_of("check", self.config, "check.steps=2", f"check.ranks={ranks}", "run.reproducible=true",
                               "train.slots=2", "train.batch=1")
            self.assertEqual(result["bytes_per_step"], sent + sent % 8)  # a shard each way; two make up all weights
            self.assertEqual(result["slots_per_rank"], 2 // ranks)
            self.assertGreater(result["seconds_per_step"], 0)
            self.assertGreater(result["memory_per_rank_bytes"], result["store_bytes"])
            self.assertEqual(result["store_bytes"] % (4 * 2 * 768), 0)
            self.assertEqual(result["measured"]["steps"], 3)
            self.assertGreater(result["measured"]["peak_bytes"], 1 << 20)
        self.assertIn("memory_error_percent", result_of("check", self.config, "check.steps=2"))
        self.assertIn("7 ranks", str(result_of("check", self.config, "check.ranks=7", code=1)["checks"]))
        self.assertEqual(sorted(os.listdir(self.dir)), before)

    def test_baselines_need_no_training(self):
        self.ok("ingest", self.config)
        for name in ("persistence", "climatology"):
            self.assertIn("wrote 1 forecast files", self.ok("forecast", self.config, "model.name=" + name))
            self.assertIn("up to date", self.ok("forecast", self.config, "model.name=" + name))

    def test_forecast_starts_from_a_regridded_file(self):
        self.ok("ingest", self.config)
        self.ok("train", self.config, "train.stop_at_step=1")
        start, other_grid = os.path.join(self.dir, "start.nc"), os.path.join(self.dir, "other.nc")
        analysis = os.path.join(DATA, "gfs_1p00_2018100900_f000.grib2")
        self.ok("regrid", analysis, start, "grid=healpix:8")
        self.ok("regrid", analysis, other_grid, "grid=healpix:16")
        # No store and no initial time: the file says when, whatever the test period of the store is.
        config = os.path.join(self.dir, "file.yaml")
        with open(self.config, encoding="utf-8") as f:
            text = f.read().replace("init: 2018-10-09, ", "").replace(
                "  train: {", "  test: {start: 2018-10-10T00, end: 2018-10-10T12, every: 6h}\n  train: {")
        with open(config, "w", encoding="utf-8") as f:
            f.write(text)
        keys = ["data.store=", "forecast.checkpoint=" + os.path.join(self.dir, "run"),
                "run.dir=" + os.path.join(self.dir, "from_file")]
        self.assertIn("wrote 1 forecast files", self.ok("forecast", config, *keys, "forecast.initial_file=" + start))
        self.assertEqual(os.listdir(os.path.join(self.dir, "from_file", "forecasts", "pear")), ["20181009T00.nc"])
        text = self.ok("forecast", config, *keys, "run.dir=" + os.path.join(self.dir, "second"),
                       "forecast.initial_file=" + other_grid, code=1)
        self.assertIn("healpix:16", text)
        self.assertIn("pear regrid", text)
        text = self.ok("forecast", config, *keys, "forecast.initial_file=" + start, "forecast.init=2018-10-10", code=1)
        self.assertIn("found 1 valid times: 2018-10-09", text)

    def test_weights_of_a_file_forecast_and_start_a_training(self):
        self.ok("ingest", self.config)
        self.ok("train", self.config, "train.stop_at_step=2")
        weights = os.path.join(self.dir, "run", "checkpoints", "step_00000002", "model.safetensors")
        other = os.path.join(self.dir, "other")
        keys = ["model.weights=" + weights, "run.dir=" + other]
        self.assertIn(f"({weights})", self.ok("forecast", self.config, *keys, "--dry-run"))
        self.assertIn("wrote 1 forecast files", self.ok("forecast", self.config, *keys))
        self.assertIn("data.store", self.ok("forecast", self.config, *keys, "data.store=",
                                            "forecast.initial_file=absent.nc", code=2))
        self.assertIn("weights of " + weights, self.ok("train", self.config, *keys, "train.stop_at_step=1"))
        # The run's own checkpoint comes first, now that there is one.
        text = self.ok("forecast", self.config, *keys, "run.overwrite=true", "--dry-run")
        self.assertIn(os.path.join(other, "checkpoints", "step_00000001"), text)

    def test_weights_go_out_under_published_names_and_come_back(self):
        self.ok("ingest", self.config)
        self.ok("train", self.config, "train.stop_at_step=1")
        checkpoints = os.path.join(self.dir, "run", "checkpoints")
        exported = os.path.join(checkpoints, "step_00000001_published.safetensors")
        self.assertIn(exported, self.ok("inspect", os.path.join(self.dir, "run"), "--export-names", "published"))
        with open(exported, "rb") as f:
            content = f.read()
        header = json.loads(content[8:8 + struct.unpack("<Q", content[:8])[0]])
        bias = "layers.0.blocks.0.attn.earth_position_bias"
        self.assertEqual(header[bias]["dtype"], "F32")
        self.assertEqual(header[bias]["shape"][0], 1)
        self.assertFalse([name for name in header if name.endswith("position_bias.table")])
        # Never overwritten; another file is named with --out; what is no checkpoint or no kind of names is refused.
        weights = os.path.join(checkpoints, "step_00000001", "model.safetensors")
        self.assertIn("is not overwritten", self.ok("inspect", weights, "--export-names", "published", code=1))
        own = os.path.join(self.dir, "own.safetensors")
        self.ok("inspect", weights, "--export-names=own", "--out", own)
        self.assertIn("says nothing about the network", self.ok("inspect", own, "--export-names=published", code=1))
        self.assertIn("published or own", self.ok("inspect", weights, "--export-names=keras", code=2))
        self.assertIn("--export-names", self.ok("inspect", weights, "--out", own, code=2))
        with open(exported, "rb") as f:
            self.assertEqual(f.read(), content)
        # Both files are the same network: they forecast alike and start a training alike.
        leads = []
        for i, file in enumerate((exported, own)):
            folder = os.path.join(self.dir, f"back{i}")
            self.ok("forecast", self.config, "model.weights=" + file, "run.dir=" + folder, "data.normalisation=none",
                    "model.output=state", "forecast.lead=24h")
            answer = json.loads(run("inspect", os.path.join(folder, "forecasts", "pear", "20181009T00.nc"),
                                    "--json").stdout)["result"]
            leads.append({k: v for k, v in answer.items() if "provenance" not in k and k not in ("file", "history")})
            self.assertIn("weights of " + file, self.ok("train", self.config, "--weights-only", file, "run.dir=" + folder,
                                                        "train.stop_at_step=1"))
            self.assertIn("resumed from step_00000001", self.ok("train", self.config, "run.dir=" + folder,
                                                                "train.stop_at_step=2"))
        variables = [lead.get("variables") for lead in leads]
        self.assertTrue(variables[0])
        self.assertEqual(variables[0], variables[1])
        # Another network: everything that does not fit is said at once.
        text = self.ok("train", self.config, "--weights-only", exported, "run.dir=" + os.path.join(self.dir, "misfit"),
                       "model.depths=[1, 2, 1, 1]", "model.mlp_ratio=2", code=1)
        self.assertIn("missing layers.1.blocks.1.norm1.weight", text)
        self.assertIn("layers.0.blocks.0.mlp.fc1.weight has shape", text)

    @unittest.skipUnless(importlib.util.find_spec("safetensors") and importlib.util.find_spec("numpy"),
                         "the Python packages safetensors and numpy are not installed")
    def test_the_documented_python_lines_open_a_checkpoint(self):
        self.ok("ingest", self.config)
        self.ok("train", self.config, "train.stop_at_step=1")
        with open(os.path.join(SOURCE, "forecast", "model", "README.md"), encoding="utf-8") as f:
            lines = f.read().split("```python\n")[1].split("```")[0]
        weights = os.path.join(self.dir, "run", "checkpoints", "step_00000001", "model.safetensors")
        result = subprocess.run([sys.executable, "-c", lines, weights], text=True, stdout=subprocess.PIPE, check=True)
        answer = json.loads(run("inspect", weights, "--json").stdout)["result"]["tensors"]
        expected = sorted(f"{t['name']} ({', '.join(map(str, t['shape']))}{',' if len(t['shape']) == 1 else ''})"
                          for t in answer)
        self.assertEqual(sorted(result.stdout.splitlines()), expected)

    def test_networks_that_do_not_fit_the_grid_or_the_machine_are_refused_before_the_start(self):
        self.ok("ingest", self.config)
        folder = os.path.join(self.dir, "refused")
        for keys, code, words in (
                (["model.patch=[2, 64]"], 2, ["a multiple of 16", "grid healpix:8"]),
                (["model.patch=[2, 16]", "model.window=[1, 64]"], 1, ["model.window of 64 tokens", "at most the 12"]),
                (["model.patch=[2, 8]"], 2, ["no square nested patch"]),
                (["grid=healpix:12"], 2, ["grid"]),
                (["train.batch=50000000", "train.last_batch=wrap"], 2,
                 ["GiB of memory", "train.batch", "activation_checkpointing"])):
            text = self.ok("train", self.config, "run.dir=" + folder, *keys, code=code)
            for word in words:
                self.assertIn(word, text)
        self.assertFalse(os.path.exists(os.path.join(folder, "checkpoints")))

    def read_page(self):
        with open(os.path.join(self.dir, "run", "report.html"), encoding="utf-8") as f:
            return f.read()

    def test_report_is_one_page_that_needs_nothing_else(self):
        persistence = (self.config, "model.name=persistence", "run.name=<script>alert(1)<b>&")
        self.ok("ingest", self.config)
        self.assertIn("pear score", self.ok("report", *persistence, code=1))
        self.ok("forecast", *persistence)
        self.ok("score", *persistence)
        before = sorted(os.listdir(os.path.join(self.dir, "run")))
        self.assertIn("report.html", self.ok("report", *persistence, "--dry-run"))
        self.assertEqual(sorted(os.listdir(os.path.join(self.dir, "run"))), before)
        answer = json.loads(run("report", *persistence, "--json").stdout)
        self.assertEqual(set(answer), MEMBERS)
        self.assertEqual(answer["result"]["channels"], ["u10", "v10"])
        self.assertEqual(answer["result"]["maps"]["lead"], "12h")
        # The model is persistence itself: never smaller than it.
        self.assertEqual([line["better"] for line in answer["result"]["verdict"]["against"]
                          if line["against"] == "persistence"], [0])
        text = self.read_page()
        Page().check(self, text)
        self.assertEqual(len(xml.etree.ElementTree.fromstring(text.split("\n", 1)[1]).findall(
            ".//{http://www.w3.org/2000/svg}svg")), 2 * 3 + 3)  # channels x metrics, and three maps
        pictures = [base64.b64decode(p, validate=True) for p in re.findall(r"data:image/png;base64,([^\"]+)", text)]
        self.assertEqual([png_size(self, p) for p in pictures], [(360, 180), (255, 1)] * 3)
        self.assertIn("&lt;script&gt;alert(1)&lt;b&gt;&amp;", text)
        # A second report replaces the first; other choices are shown; what does not exist is an error.
        self.assertIn("6h ahead", self.report_with(persistence, "report.lead=6h"))
        self.assertIn("MissingChannel", self.json_error("report", *persistence, "report.channels=[z500]"))
        self.assertIn("MissingTime", self.json_error("report", *persistence, "report.init=2018-10-08"))
        self.ok("report", *persistence, "report.channels=[nonsense]", code=2)
        for name in os.listdir(os.path.join(self.dir, "run", "forecasts", "persistence")):
            os.remove(os.path.join(self.dir, "run", "forecasts", "persistence", name))
        self.assertIn("no maps: there are no forecast files", self.report_with(persistence))

    def report_with(self, config, *keys):
        self.ok("report", *config, *keys)
        text = self.read_page()
        Page().check(self, text)
        return text

    def json_error(self, *args):
        result = run(*args, "--json")
        self.assertEqual(result.returncode, 1, result.stderr)
        return json.loads(result.stdout)["error"]["code"]

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
