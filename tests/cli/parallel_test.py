#!/usr/bin/env python3
"""Training on several processes: the same bits for 1, 2 and 4 ranks with every way to share the work, stops, lost and
hanging ranks, full disks, disagreements.

Usage: parallel_test.py PEAR SOURCE [unittest options]. Skipped where mpirun is absent.
"""
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

PEAR, SOURCE = "", ""
TINY = os.path.join("configs", "test", "tiny.yaml")
# More ranks than cores and a root user are normal for tests.
ENVIRONMENT = dict(os.environ, OMP_NUM_THREADS="1", PEAR_RUNS="unused", OMPI_ALLOW_RUN_AS_ROOT="1",
                   OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_rmaps_base_oversubscribe="1",
                   OMPI_MCA_hwloc_base_binding_policy="none", OMPI_MCA_mpi_yield_when_idle="1")
STEPS = "train.max_steps=10"  # long enough that a signal meets a run under way
LIMIT_S = 240
POLL_S = 0.005


def pear(verb, *args):
    return [PEAR, verb, os.path.join(SOURCE, TINY), *args]


def mpirun(ranks, *command):
    return ["mpirun", "-np", str(ranks), *command]


def start(command):
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def state_of(folder, kind):
    """Values of a checkpoint by tensor name, from one file or from those of several ranks."""
    manifest = json.loads(text(os.path.join(folder, "MANIFEST.json")))["files"]
    pieces = {}
    for name in manifest:
        if not re.fullmatch(kind + r"(-\d+-of-\d+)?\.safetensors", name):
            continue
        with open(os.path.join(folder, name), "rb") as f:
            data = f.read()
        start = 8 + int.from_bytes(data[:8], "little")
        for key, entry in json.loads(data[8:start]).items():
            if key != "__metadata__":
                tensor, _, first = key.partition("@")
                begin, end = entry["data_offsets"]
                pieces.setdefault(tensor, []).append((4 * int(first or 0), data[start + begin:start + end]))
    values = {}
    for tensor, parts in pieces.items():
        values[tensor] = b""
        for first, part in sorted(parts):
            assert first == len(values[tensor]), f"{folder} {tensor}: a gap or an overlap at byte {first}"
            values[tensor] += part
    return values


def text(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def weights(path):
    """Tensors of a safetensors file by name, as flat lists."""
    with open(path, "rb") as f:
        content = f.read()
    length = struct.unpack("<Q", content[:8])[0]
    tensors = {}
    for name, entry in json.loads(content[8:8 + length]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            tensors[name] = memoryview(content)[8 + length + first:8 + length + last].cast("f")
    return tensors


def pid_of_rank(launcher, rank):
    """The process that `launcher` (an mpirun) started as this rank."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            parent = text(f"/proc/{name}/stat").rsplit(")", 1)[1].split()[1]
            with open(f"/proc/{name}/environ", "rb") as f:
                mine = f"OMPI_COMM_WORLD_RANK={rank}".encode() in f.read().split(b"\0")
        except OSError:
            continue
        if int(parent) == launcher.pid and mine:
            return int(name)
    raise AssertionError(f"no rank {rank}")


@unittest.skipUnless(shutil.which("mpirun"), "mpirun is not installed")
class Runs(unittest.TestCase):
    """A store and an undisturbed run to compare with."""
    KEYS = ("run.reproducible=true", "train.log_every=1", "train.clip.norm=0.5", "train.ema.decay=0.9",
            "checkpoint.every_steps=2", "checkpoint.every_minutes=0", "checkpoint.keep_last=9")

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.dir, True)
        for verb in ("simulate", "ingest"):
            subprocess.run(pear(verb, "run.dir=" + os.path.join(cls.dir, "data")), check=True, env=ENVIRONMENT,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.undisturbed = os.path.join(cls.dir, "undisturbed")
        cls.finish(start(cls.train(cls.undisturbed, STEPS)))

    @classmethod
    def train(cls, folder, *args):
        return pear("train", "run.dir=" + folder, "data.store=" + os.path.join(cls.dir, "data", "store"), *cls.KEYS,
                    *args)

    @staticmethod
    def finish(process, code=0):
        try:
            out, err = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        if process.returncode != code:
            raise AssertionError(f"exit code {process.returncode}, expected {code}\n{out}{err}")
        return out + err

    def folder(self, name):
        return os.path.join(self.dir, name)

    def wait_for_rows(self, folder, rows, process):
        """Until the run has logged this many steps."""
        path = os.path.join(folder, "metrics.jsonl")
        for _ in range(int(LIMIT_S / POLL_S)):
            self.assertIsNone(process.poll(), "the run ended too early")
            if os.path.exists(path) and text(path).count("\n") >= rows:
                return
            time.sleep(POLL_S)
        self.fail("the run makes no progress")

    def wait_for_checkpoint(self, folder, process):
        """Until there is a whole one; it may come a step or two after its own."""
        while not glob.glob(os.path.join(folder, "checkpoints", "step_????????", "MANIFEST.json")):
            self.assertIsNone(process.poll(), "the run ended too early")
            time.sleep(POLL_S)

    def end_with_rank_stopped(self, process, rank):
        """What the run says when one rank hangs; it fails."""
        hanging = pid_of_rank(process, rank)
        os.kill(hanging, signal.SIGSTOP)
        try:
            return self.finish(process, code=1)
        finally:
            if os.path.exists(f"/proc/{hanging}"):
                os.kill(hanging, signal.SIGKILL)

    def checkpoints(self, folder):
        return sorted(n for n in os.listdir(os.path.join(folder, "checkpoints")) if re.fullmatch(r"step_\d+", n))

    def assert_whole(self, folder, step):
        base = os.path.join(folder, "checkpoints", step)
        manifest = json.loads(text(os.path.join(base, "MANIFEST.json")))["files"]
        self.assertIn("model.safetensors", manifest)
        for name, entry in manifest.items():
            self.assertEqual(digest(os.path.join(base, name)), entry["sha256"], name)

    def assert_same_state(self, folder, other, steps):
        one, two = (os.path.join(f, "checkpoints", f"step_{steps:08d}") for f in (folder, other))
        self.assertEqual(digest(os.path.join(one, "model.safetensors")), digest(os.path.join(two, "model.safetensors")))
        for kind in ("ema", "optimizer"):
            mine, theirs = state_of(one, kind), state_of(two, kind)
            self.assertGreater(len(mine), 0)
            self.assertTrue(mine == theirs, f"{folder} {kind}")

    def assert_same_run(self, folder, steps=10):
        self.assert_same_state(folder, self.undisturbed, steps)
        for name in ("metrics.jsonl", "metrics.csv"):
            self.assertEqual(text(os.path.join(folder, name)), text(os.path.join(self.undisturbed, name)), folder)


@unittest.skipUnless(shutil.which("mpirun"), "mpirun is not installed")
class Parallel(Runs):
    def test_one_two_and_four_ranks_have_the_same_bits(self):
        for ranks in (1, 2, 4):
            folder = self.folder(f"ranks{ranks}")
            said = self.finish(start(mpirun(ranks, *self.train(folder, STEPS))))
            self.assertEqual(said.count("trained 10 of 10 steps"), 1, said)
            self.assertEqual(said.count("grid healpix:8"), 1, said)
            if ranks > 1:
                self.assertEqual(said.count(f"{ranks} processes on 1 host (openmpi)"), 1, said)
            self.assert_same_run(folder)
            self.assertEqual(self.checkpoints(folder), self.checkpoints(self.undisturbed))

    def test_ways_to_share_the_work_change_no_bit(self):
        ways = {"sharded": ["parallel.optimizer_sharding=true"],
                "plain": ["parallel.overlap=false", "checkpoint.async=false"],
                "small": ["parallel.bucket_mb=0.02", "parallel.optimizer_sharding=true", "parallel.mesh.data=4"]}
        for ranks, way in ((2, "sharded"), (4, "sharded"), (4, "plain"), (4, "small")):
            folder = self.folder(f"{way}{ranks}")
            said = self.finish(start(mpirun(ranks, *self.train(folder, STEPS, *ways[way]))))
            self.assertEqual(said.count(f"mesh data {ranks} x ensemble 1 x domain 1; gradients by mpi"), 1, said)
            self.assertEqual(said.count("optimiser state on this rank"), int(way != "plain"), said)
            self.assert_same_run(folder)
            names = set(os.listdir(os.path.join(folder, "checkpoints", "step_00000010")))
            shards = {f"optimizer-{r + 1:05}-of-{ranks:05}.safetensors" for r in range(ranks)}
            averages = {name.replace("optimizer", "ema") for name in shards} if way != "plain" else {"ema.safetensors"}
            self.assertEqual(names, shards | averages | {"model.safetensors", "state.json", "MANIFEST.json"})

    def test_rollouts_with_cuts_and_computing_again_have_the_same_bits_on_two_ranks(self):
        # Several backward passes give one gradient, and inner values are computed inside of them.
        keys = ("train.rollout.schedule=[{from_step: 0, steps: 1}, {from_step: 2, steps: 3}]",
                "train.rollout.truncate=2", "train.activation_checkpointing=[stages]", "data.select={}")
        folders = [self.folder(f"rollout{ranks}") for ranks in (1, 2)]
        for ranks, folder in enumerate(folders, start=1):
            self.finish(start(mpirun(ranks, *self.train(folder, "train.max_steps=4", *keys))))
        self.assert_same_state(*folders, 4)

    def test_a_killed_run_with_sharded_state_goes_on_with_other_numbers_of_ranks(self):
        folder = self.folder("shards_killed")
        sharded = "parallel.optimizer_sharding=true"
        for ranks, rows in ((4, 3), (2, 7)):
            process = start(mpirun(ranks, *self.train(folder, STEPS, sharded)))
            self.wait_for_rows(folder, rows, process)
            self.wait_for_checkpoint(folder, process)
            os.kill(pid_of_rank(process, ranks - 1), signal.SIGKILL)
            process.communicate(timeout=LIMIT_S)
            self.assertNotEqual(process.returncode, 0)
            self.assert_whole(folder, self.checkpoints(folder)[-1])
        self.assertLess(self.checkpoints(folder)[-1], "step_00000010")
        self.finish(start(self.train(folder, STEPS)))
        self.assert_same_run(folder)

    def test_a_mesh_that_does_not_fit_or_cannot_be_used_is_refused_once(self):
        for keys, expected in ((("parallel.mesh.data=3",), "data 3 x ensemble 1 x domain 1 = 3"),
                               (("parallel.mesh.ensemble=2",), "the samples of a step and their windows, nothing else"),
                               (("parallel.mesh.domain=2",), "a divisor of the 3 windows of the coarse stages: 1, 3"),
                               ((*self.SHARED, "parallel.mesh.domain=2", "parallel.backend=nccl"),
                                "parallel.backend: mpi or auto")):
            said = self.finish(start(mpirun(2, *self.train(self.folder("mesh"), *keys))), code=2)
            self.assertEqual(said.count(expected), 1, said)

    # Two blocks in a stage, so that one is shifted; 12 windows in the coarse stages. Key biases have no gradient but
    # rounding, of which Adam would make whole steps: hence eps.
    SHARED = ("model.depths=[2, 2, 2, 2]", "model.window=[2, 4]", "train.eps=1e-4")

    def shared(self, name, ranks, *args):
        """Folder of a run of four steps whose samples are shared by two ranks unless `args` say otherwise."""
        folder = self.folder(name)
        command = self.train(folder, "train.max_steps=4", *self.SHARED, *args)
        self.finish(start(mpirun(ranks, *command)))
        return folder

    def assert_close_run(self, folder, other):
        """Losses, norms and validation to rounding of float32 sums, weights to what four steps make of it."""
        rows = [[json.loads(line) for line in text(os.path.join(f, "metrics.jsonl")).splitlines()]
                for f in (folder, other)]
        self.assertEqual(len(rows[0]), len(rows[1]))
        for one, two in zip(*rows):
            self.assertEqual(one.keys(), two.keys())
            for key, value in one.items():
                if isinstance(value, float):
                    self.assertAlmostEqual(value, two[key], delta=2e-5 * abs(value), msg=key)
        for name in ("model", "ema"):
            one, two = (weights(os.path.join(f, "checkpoints", "step_00000004", name + ".safetensors"))
                        for f in (folder, other))
            self.assertEqual(one.keys(), two.keys())
            self.assertLess(max(abs(a - b) for key in one for a, b in zip(one[key], two[key])), 1e-5)

    def test_ranks_that_share_a_sample_agree_with_one_rank(self):
        alone, two = self.shared("whole", 1), self.shared("domain2", 2, "parallel.mesh.domain=2")
        self.assert_close_run(two, alone)
        self.assert_close_run(self.shared("domain3", 3, "parallel.mesh.domain=3"), alone)
        # The number of data ranks and the way to share the optimiser's state still change no bit.
        self.assert_same_state(self.shared("data2domain2", 4, "parallel.mesh.domain=2"), two, 4)
        sharded = self.shared("sharded_domain", 4, "parallel.mesh.domain=2", "parallel.optimizer_sharding=true",
                              "parallel.bucket_mb=0.02")
        self.assert_same_state(sharded, two, 4)

    def test_a_run_that_shares_samples_goes_on_on_another_mesh(self):
        two = self.shared("domain_undisturbed", 2, "parallel.mesh.domain=2")
        for name, ranks, mesh, same in (("domain_again", 2, "parallel.mesh.domain=2", True),
                                        ("domain_four", 4, "parallel.mesh.domain=4", False),
                                        ("domain_no_more", 2, "parallel.mesh.domain=1", False)):
            self.shared(name, 2, "parallel.mesh.domain=2", "train.stop_at_step=2")
            folder = self.shared(name, ranks, mesh)
            self.assert_close_run(folder, two)
            if same:
                self.assert_same_state(folder, two, 4)

    def test_a_rank_that_hangs_inside_a_shared_sample_is_named_by_its_place_in_the_run(self):
        folder = self.folder("domain_hanging")
        process = start(mpirun(4, *self.train(folder, "train.max_steps=2000", "run.collective_timeout_s=4",
                                              "parallel.mesh.domain=4", *self.SHARED)))
        self.wait_for_rows(folder, 3, process)
        said = self.end_with_rank_stopped(process, 2)
        self.assertIn("no answer from rank 2 (", said)

    def test_check_counts_what_shared_samples_need(self):
        def needs(*args):
            command = pear("check", "run.dir=" + self.folder("check"), "--json",
                           "data.store=" + os.path.join(self.dir, "data", "store"), *self.SHARED, *args)
            return json.loads(subprocess.run(command, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE,
                                             check=False).stdout)["result"]
        whole, shared = needs("check.ranks=2"), needs("check.ranks=2", "parallel.mesh.domain=2")
        samples = [r["slots_per_rank"] * r["slot_samples"] for r in (whole, shared)]
        self.assertEqual(samples, [2, 4])
        self.assertLess(shared["memory_per_rank_bytes"], whole["memory_per_rank_bytes"])
        self.assertGreater(shared["bytes_per_step"], whole["bytes_per_step"])

    def test_nccl_without_gpus_is_refused_with_a_reason(self):
        said = self.finish(start(mpirun(2, *self.train(self.folder("nccl"), "parallel.backend=nccl"))), code=1)
        self.assertEqual(said.count("parallel.backend: nccl"), 1, said)

    def test_a_full_disk_ends_the_run_and_the_checkpoint_before_it_is_whole(self):
        folder = self.folder("full")
        os.makedirs(folder)
        # Room for a checkpoint or two beside the margin of 16 MiB that a write asks for.
        mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=18m", "tmpfs", folder],
                                                       stderr=subprocess.DEVNULL, check=False).returncode == 0
        if not mounted:
            self.skipTest("cannot mount a small tmpfs here")
        try:
            said = self.finish(start(mpirun(2, *self.train(folder, STEPS))), code=1)
            self.assertEqual(said.count("older checkpoints are untouched"), 1, said)
            self.assertIn("step_00000002", self.checkpoints(folder))
            self.assertNotIn("step_00000010", self.checkpoints(folder))
            self.assert_whole(folder, self.checkpoints(folder)[-1])
            subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
            self.finish(start(mpirun(4, *self.train(folder, STEPS))))
            self.assert_same_run(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=False)

    def test_a_loss_that_is_not_finite_ends_all_ranks_with_one_message(self):
        folder = self.folder("nan")
        said = self.finish(start(mpirun(2, *self.train(folder, STEPS, "train.lr=1e30", "train.clip.norm=0"))), code=1)
        self.assertEqual(said.count("finite loss and gradient"), 1, said)
        for part in ("slot 0, samples", "slot 2, samples"):  # one of each rank
            self.assertEqual(said.count(part), 1, said)

    def test_a_rank_that_never_starts_is_given_up(self):
        command = (["mpirun", "-np", "1", "env", "PEAR_COLLECTIVE_TIMEOUT_S=3"] + self.train(self.folder("absent")) +
                   [":", "-np", "1", "sleep", "200"])
        said = self.finish(start(command), code=1)
        self.assertEqual(said.count("MPI has not started within PEAR_COLLECTIVE_TIMEOUT_S = 3"), 1, said)

    def test_a_stop_that_cannot_be_followed_ends_after_the_grace(self):
        folder = self.folder("grace")
        process = start(mpirun(2, *self.train(folder, STEPS, "run.grace_s=4")))
        self.wait_for_rows(folder, 3, process)
        self.wait_for_checkpoint(folder, process)
        hanging = pid_of_rank(process, 1)
        os.kill(hanging, signal.SIGSTOP)
        try:
            os.kill(pid_of_rank(process, 0), signal.SIGTERM)
            said = self.finish(process, code=1)
        finally:
            if os.path.exists(f"/proc/{hanging}"):
                os.kill(hanging, signal.SIGKILL)
        self.assertEqual(said.count("no progress for run.grace_s = 4 after a stop signal"), 1, said)
        self.assert_whole(folder, self.checkpoints(folder)[-1])

    def test_without_the_reproducible_mode_two_ranks_agree_to_rounding(self):
        losses = []
        for ranks in (1, 2):
            folder = self.folder(f"plain{ranks}")
            self.finish(start(mpirun(ranks, *self.train(folder, "train.max_steps=3", "run.reproducible=false"))))
            rows = [json.loads(line) for line in text(os.path.join(folder, "metrics.jsonl")).splitlines()]
            losses.append([r["loss"] for r in rows if r["kind"] == "train"])
        self.assertEqual(len(losses[0]), 3)
        for one, two in zip(*losses):  # float32 sums in another order
            self.assertAlmostEqual(one, two, delta=1e-4 * one)

    def test_a_batch_that_the_ranks_do_not_divide_is_refused_once(self):
        folder = self.folder("indivisible")
        said = self.finish(start(mpirun(3, *self.train(folder))), code=2)
        self.assertEqual(said.count("a multiple of the 3 ranks"), 1, said)
        self.assertFalse(os.path.exists(os.path.join(folder, "checkpoints")))

    def test_a_signal_to_one_rank_stops_all_and_other_numbers_of_ranks_go_on(self):
        folder = self.folder("stopped")
        for number, ranks, rank, rows in ((signal.SIGUSR1, 2, 1, 1), (signal.SIGTERM, 4, 2, 5)):
            process = start(mpirun(ranks, *self.train(folder, STEPS)))
            self.wait_for_rows(folder, rows, process)
            os.kill(pid_of_rank(process, rank), number)
            said = self.finish(process, code=3)
            self.assertEqual(said.count("stopped by a signal after step"), 1, said)
            self.assert_whole(folder, self.checkpoints(folder)[-1])
        self.assertLess(self.checkpoints(folder)[-1], "step_00000010")
        self.finish(start(self.train(folder, STEPS)))
        self.assert_same_run(folder)

    def test_a_killed_rank_ends_the_run_and_the_last_checkpoint_is_whole(self):
        folder = self.folder("killed")
        process = start(mpirun(2, *self.train(folder, STEPS)))
        self.wait_for_rows(folder, 3, process)
        self.wait_for_checkpoint(folder, process)
        os.kill(pid_of_rank(process, 1), signal.SIGKILL)
        process.communicate(timeout=LIMIT_S)
        self.assertNotEqual(process.returncode, 0)
        self.assert_whole(folder, self.checkpoints(folder)[-1])
        self.finish(start(mpirun(4, *self.train(folder, STEPS))))
        self.assert_same_run(folder)

    def test_a_hanging_rank_is_given_up_after_the_time_out(self):
        folder = self.folder("hanging")
        process = start(mpirun(4, *self.train(folder, STEPS, "run.collective_timeout_s=8")))
        self.wait_for_rows(folder, 3, process)
        self.wait_for_checkpoint(folder, process)
        said = self.end_with_rank_stopped(process, 2)
        # One line, unless the machine is so busy that the ranks miss each other at the end.
        self.assertIn("no answer from rank 2 (", said)
        self.assertIn("run.collective_timeout_s = 8", said)
        self.assert_whole(folder, self.checkpoints(folder)[-1])

    def test_ranks_with_different_configurations_do_not_start(self):
        folder = self.folder("different")
        command = (["mpirun", "-np", "1"] + self.train(folder) + [":", "-np", "1"] +
                   self.train(folder, "train.lr=0.1"))
        said = self.finish(start(command), code=1)
        self.assertEqual(said.count("ranks 1 differ from rank 0"), 1, said)

    def test_an_error_on_one_rank_is_told_once_with_its_rank_and_ends_the_others(self):
        folder = self.folder("alone")
        command = (["mpirun", "-np", "1"] + self.train(folder) + [":", "-np", "1"] +
                   self.train(folder, "train.no_such_key=1"))
        said = self.finish(start(command), code=2)
        self.assertIn("[rank 1/2 ", said)
        self.assertEqual(said.count("no_such_key"), 1, said)

    def test_forecasts_and_scores_are_the_same_files_for_any_number_of_ranks(self):
        alone = self.forecast_folder("alone_forecasts")
        for verb in ("forecast", "score"):
            self.finish(start(self.command(verb, alone)))
        files = [os.path.join("forecasts", "pear", f) for f in os.listdir(os.path.join(alone, "forecasts", "pear"))]
        self.assertEqual(len(files), 3)
        for ranks in (2, 4):  # fewer and more ranks than initial times
            folder = self.forecast_folder(f"forecasts{ranks}")
            said = self.finish(start(mpirun(ranks, *self.command("forecast", folder))))
            self.assertEqual(said.count("wrote 3 forecast files (0 were there already)"), 1, said)
            os.remove(os.path.join(folder, files[1]))  # as if the run had been killed
            said = self.finish(start(mpirun(ranks, *self.command("forecast", folder))))
            self.assertEqual(said.count("wrote 1 forecast files (2 were there already)"), 1, said)
            self.finish(start(mpirun(ranks, *self.command("score", folder))))
            for name in [*files, "scores.csv", "sums.nc"]:
                self.assertEqual(digest(os.path.join(folder, name)), digest(os.path.join(alone, name)), name)

    def command(self, verb, folder):
        # Outputs name the command line and the run folder: these are the same words in every folder.
        return ["env", "-C", folder, PEAR, verb, os.path.join(SOURCE, TINY), "run.dir=.",
                "data.store=" + os.path.join(self.dir, "data", "store"), *self.KEYS]

    def forecast_folder(self, name):
        folder = self.folder(name)
        shutil.copytree(os.path.join(self.undisturbed, "checkpoints"), os.path.join(folder, "checkpoints"))
        return folder

    def test_a_forecast_that_is_stopped_on_one_rank_stops_and_goes_on(self):
        folder = self.forecast_folder("stopped_forecast")
        longer = ("forecast.init={start: 2001-01-01, end: 2001-02-05, every: 24h}", "forecast.lead=20d",
                  "forecast.every=20d")
        process = start(mpirun(2, *self.command("forecast", folder), *longer))
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end and not glob.glob(os.path.join(folder, "forecasts", "pear", "*.nc")):
            time.sleep(POLL_S)
        os.kill(pid_of_rank(process, 1), signal.SIGUSR1)
        said = self.finish(process, code=3)
        self.assertEqual(said.count("forecast stopped by a signal"), 1, said)
        self.finish(start(mpirun(3, *self.command("forecast", folder), *longer)))
        self.assertEqual(len(glob.glob(os.path.join(folder, "forecasts", "pear", "*.nc"))), 36)

    def test_other_verbs_refuse_several_processes(self):
        said = self.finish(start(mpirun(2, *pear("climatology"))), code=1)
        self.assertIn("only pear train, forecast and score run on several processes", said)


if __name__ == "__main__":
    PEAR, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
