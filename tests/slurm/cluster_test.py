#!/usr/bin/env python3
"""Jobs on a real SLURM of four nodes (slurm/local-cluster): a training that hits its time limit, one that loses a rank,
a chain, forecasts as an array, scores after them.

Usage: cluster_test.py PEAR SOURCE [unittest options]. Skipped where SLURM's packages or MPI are missing.
"""
import contextlib
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PEAR, SOURCE = "", ""
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol")
# A user's limits are not those of the cluster: ranks are spread over its nodes, more of them than cores.
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "OMPI_", "PMIX_"))}
ENVIRONMENT.update(OMP_NUM_THREADS="1", PEAR_RUNS="unused", PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
LIMIT_S = 420
POLL_S = 0.5


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def text(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def missing_programs():
    return [p for p in PROGRAMS if not shutil.which(p, path=ENVIRONMENT["PATH"])]


def has_mpi():
    out = subprocess.run([PEAR, "--version", "--json"], stdout=subprocess.PIPE, check=True)
    return json.loads(out.stdout)["result"]["libraries"]["MPI"] not in ("", "none", "off")


def free_ports(count):
    """The first of `count` neighbouring ports that nobody listens on."""
    for first in range(20000 + os.getpid() % 10000, 60000, count):
        sockets = []
        try:
            for port in range(first, first + count):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()
    raise AssertionError("no free ports")


class Cluster(unittest.TestCase):
    KEYS = ("run.reproducible=true", "checkpoint.every_steps=5", "checkpoint.every_minutes=0",
            "checkpoint.keep_last=2", "slurm.site=local4")
    NUM_STEPS = 60
    STEPS = f"train.max_steps={NUM_STEPS}"

    @classmethod
    def setUpClass(cls):
        if missing_programs():
            raise unittest.SkipTest("missing: " + " ".join(missing_programs()))
        if not has_mpi():
            raise unittest.SkipTest("built without MPI")
        cls.dir = tempfile.mkdtemp(prefix="pear")
        cls.addClassCleanup(shutil.rmtree, cls.dir, True)
        cls.cluster = os.path.join(cls.dir, "slurm")
        ENVIRONMENT["PEAR_SLURM_PORT"] = str(free_ports(5))
        cls.addClassCleanup(cls.local_cluster, "stop")
        started = cls.local_cluster("start")
        if started.returncode != 0:
            raise AssertionError(started.stdout)
        ENVIRONMENT["SLURM_CONF"] = os.path.join(cls.cluster, "slurm.conf")
        cls.data = os.path.join(cls.dir, "data")
        for verb in ("simulate", "ingest"):
            cls.pear(verb, "run.dir=" + cls.data)
        cls.undisturbed = os.path.join(cls.dir, "undisturbed")
        cls.pear("train", *cls.keys(cls.undisturbed), cls.STEPS)

    @classmethod
    def local_cluster(cls, verb):
        return subprocess.run([os.path.join(SOURCE, "slurm", "local-cluster"), verb, cls.cluster], env=ENVIRONMENT,
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    @classmethod
    def pear(cls, verb, *words):
        result = subprocess.run([PEAR, verb, os.path.join(SOURCE, "configs", "test", "tiny.yaml"), *words],
                                env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cls.dir)
        if result.returncode != 0:
            raise AssertionError(result.stdout + result.stderr)
        return result.stdout

    @classmethod
    def keys(cls, folder):
        return ["run.dir=" + folder, "data.store=" + os.path.join(cls.data, "store"), *cls.KEYS]

    def submit(self, folder, *words):
        return json.loads(self.pear("submit", *self.keys(folder), "--json", *words))["result"]["jobs"]

    @staticmethod
    def status(folder):
        out = subprocess.run([PEAR, "submit", "--status", folder, "--json"], env=ENVIRONMENT, text=True,
                             stdout=subprocess.PIPE, check=True)
        return json.loads(out.stdout)["result"]["jobs"]

    def logs(self, folder):
        out = ""
        for base, _, files in os.walk(os.path.join(folder, "slurm")):
            out += "".join(text(os.path.join(base, name)) for name in sorted(files) if name.endswith(".log"))
        return out

    def wait(self, folder, done, what):
        """Until `done` says so of the jobs of a run."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            jobs = self.status(folder)
            if done(jobs):
                return jobs
            time.sleep(POLL_S)
        self.fail(f"{what}: not within {LIMIT_S} s\n{self.status(folder)}\n{self.logs(folder)}")

    def wait_until_ended(self, folder):
        return self.wait(folder, lambda jobs: all(j["state"] in ("COMPLETED", "FAILED", "CANCELLED") for j in jobs),
                         "the jobs end")

    def folder(self, name):
        return os.path.join(self.dir, name)

    def assert_same_weights(self, folder):
        path = os.path.join("checkpoints", f"step_{self.NUM_STEPS:08d}", "model.safetensors")
        self.assertEqual(digest(os.path.join(folder, path)), digest(os.path.join(self.undisturbed, path)))

    def wait_for_step(self, folder, step):
        """Until there is a checkpoint of this step or later; quicker than asking pear."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            whole = glob.glob(os.path.join(folder, "checkpoints", "step_" + "[0-9]" * 8, "MANIFEST.json"))
            if any(int(os.path.basename(os.path.dirname(path)).split("_")[1]) >= step for path in whole):
                return
            time.sleep(0.02)
        self.fail(f"no step {step} within {LIMIT_S} s\n{self.status(folder)}\n{self.logs(folder)}")

    def hold_until_signalled(self, job, pid):
        """Stops a process until SIGUSR1 waits for it, or has come before it was stopped. How long that took."""
        begin = time.monotonic()
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # it has ended by itself meanwhile
            os.kill(pid, signal.SIGSTOP)
            while time.monotonic() < begin + LIMIT_S:
                masks = re.findall(r"^(?:SigPnd|ShdPnd):\t([0-9a-f]+)$", text(f"/proc/{pid}/status"), re.M)
                if any(int(mask, 16) >> (signal.SIGUSR1 - 1) & 1 for mask in masks) or self.run_time(job) >= 41:
                    break
                time.sleep(0.2)
            os.kill(pid, signal.SIGCONT)
        return time.monotonic() - begin

    @staticmethod
    def run_time(job):
        shown = subprocess.run(["scontrol", "--oneliner", "show", "job", job], env=ENVIRONMENT, text=True,
                               stdout=subprocess.PIPE).stdout
        hours, minutes, seconds = map(int, re.search(r"RunTime=(\d+):(\d+):(\d+)", shown).groups())
        return 3600 * hours + 60 * minutes + seconds

    def rank_of_job(self, job, rank):
        """The process of this rank, as soon as there is one."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            if pid := self.find_rank(job, rank):
                return pid
            time.sleep(0.05)
        self.fail(f"no rank {rank} of job {job} within {LIMIT_S} s")

    @staticmethod
    def find_rank(job, rank):
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/environ", "rb") as f:
                    variables = f.read().split(b"\0")
                program = os.readlink(f"/proc/{name}/exe")
            except OSError:
                continue
            mine = (f"SLURM_JOB_ID={job}".encode() in variables and f"SLURM_PROCID={rank}".encode() in variables and
                    b"SLURM_CONF=" + ENVIRONMENT["SLURM_CONF"].encode() in variables)
            if mine and program == os.path.realpath(PEAR):
                return int(name)
        return None

    def test_a_run_that_hits_its_time_limit_goes_back_into_the_queue_and_ends_with_the_same_weights(self):
        folder = self.folder("limited")
        begin = time.monotonic()
        # SLURM looks every 30 s and sends the signal when less than 30 s are left before the lead: 10 s to 40 s after the
        # start. The run is held until then, so that a fast machine is not done before.
        job = self.submit(folder, self.STEPS, "slurm.time=1min", "slurm.signal_lead=20s", "--requeue")[0]
        pid = self.rank_of_job(job, 0)
        self.wait_for_step(folder, 5)
        held = self.hold_until_signalled(job, pid)
        jobs = self.wait_until_ended(folder)
        self.assertEqual([(j["state"], j["mark"]) for j in jobs], [("COMPLETED", "DONE")], self.logs(folder))
        self.assertGreater(jobs[0]["restarts"], 0, self.logs(folder))
        log = self.logs(folder)
        self.assertIn("stopped by a signal; back into the queue", log)
        self.assertIn("4 processes on 1 host (slurm)", log)
        self.assert_same_weights(folder)
        self.show(f"time limit: held for {held:.0f} s, {jobs[0]['restarts']} restarts, {time.monotonic() - begin:.0f} s "
                  "in all", log)

    @staticmethod
    def show(what, log):
        print("\n" + what)
        print("".join(line + "\n" for line in log.splitlines() if "[pear submit]" in line), flush=True)

    def test_a_run_that_loses_a_rank_is_tried_again_and_ends_with_the_same_weights(self):
        folder = self.folder("killed")
        begin = time.monotonic()
        job = self.submit(folder, self.STEPS, "--requeue", "slurm.requeue_on_failure=1")[0]
        victim = self.rank_of_job(job, 2)
        self.wait_for_step(folder, 5)
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        self.wait(folder, lambda jobs: jobs[0]["restarts"] > 0, "the job goes back into the queue")
        requeued = time.monotonic()
        jobs = self.wait_until_ended(folder)
        self.assertEqual([(j["state"], j["mark"]) for j in jobs], [("COMPLETED", "DONE")], self.logs(folder))
        log = self.logs(folder)
        self.assertIn("failure 1; back into the queue", log)
        self.assert_same_weights(folder)
        self.show(f"killed rank: in the queue again after {requeued - killed:.0f} s, {time.monotonic() - begin:.0f} s "
                  "in all", log)

    def test_a_run_that_loses_a_node_is_put_back_and_ends_with_the_same_weights(self):
        folder = self.folder("node_down")
        begin = time.monotonic()
        job = self.submit(folder, self.STEPS, "--requeue", "parallel.optimizer_sharding=true")[0]
        self.rank_of_job(job, 0)
        self.wait_for_step(folder, 5)
        self.control("update", "NodeName=n2", "State=DOWN", "Reason=test")
        self.wait(folder, lambda jobs: jobs[0]["restarts"] > 0, "the job goes back into the queue")
        if "DOWN" in self.control("--oneliner", "show", "node", "n2"):
            self.control("update", "NodeName=n2", "State=RESUME")
        self.control("update", f"JobId={job}", "StartTime=now")
        jobs = self.wait_until_ended(folder)
        self.assertEqual([(j["state"], j["mark"]) for j in jobs], [("COMPLETED", "DONE")], self.logs(folder))
        self.assert_same_weights(folder)
        self.assertNotIn("DOWN", self.control("--oneliner", "show", "node", "n2"))
        self.show(f"node down: {jobs[0]['restarts']} restarts, {time.monotonic() - begin:.0f} s in all", self.logs(folder))

    @staticmethod
    def control(*words):
        result = subprocess.run(["scontrol", *words], env=ENVIRONMENT, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)
        if result.returncode != 0:
            raise AssertionError(result.stdout)
        return result.stdout

    def test_the_second_link_of_a_chain_leaves_at_once_where_the_first_is_done(self):
        folder = self.folder("chain")
        self.submit(folder, "train.max_steps=2", "--chain", "2")
        jobs = self.wait_until_ended(folder)
        self.assertEqual([(j["state"], j["link"]) for j in jobs], [("COMPLETED", 1), ("COMPLETED", 2)])
        self.assertEqual(self.logs(folder).count("the run is done already"), 1)

    def test_forecasts_as_an_array_and_scores_after_them_are_those_of_one_process(self):
        alone, array, ranks = self.folder("alone"), self.folder("array"), self.folder("ranks")
        for folder in (alone, array, ranks):
            shutil.copytree(os.path.join(self.undisturbed, "checkpoints"), os.path.join(folder, "checkpoints"))
        for verb in ("forecast", "score"):
            self.pear(verb, *self.keys(alone))
        for folder, words in ((array, ("--array", "inits")), (ranks, ())):
            job = self.submit(folder, "--verb", "forecast", *words)[0]
            self.submit(folder, "--verb", "score", "slurm.dependency=afterok:" + job)
        for folder, tasks in ((array, 3), (ranks, 1)):
            jobs = self.wait_until_ended(folder)
            self.assertEqual([(j["verb"], j["state"], j["mark"]) for j in jobs],
                             [("forecast", "COMPLETED", "DONE")] * tasks + [("score", "COMPLETED", "DONE")],
                             self.logs(folder))
            self.assertEqual(len(os.listdir(os.path.join(folder, "forecasts", "pear"))), 3)
            # The forecast files themselves name their run folder; the scores hold every digit of what they are made of.
            self.assertEqual(text(os.path.join(folder, "scores.csv")), text(os.path.join(alone, "scores.csv")))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))  # so that the cluster is stopped
    PEAR, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
