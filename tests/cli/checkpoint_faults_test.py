#!/usr/bin/env python3
"""Checkpoints of several ranks that go wrong: ranks killed in every stage of a write, damaged shards, one rank that cannot
write. Afterwards the run goes on to the bits of an undisturbed one.

Usage: checkpoint_faults_test.py PEAR SOURCE [unittest options]. Skipped where mpirun is absent.
"""
import glob
import os
import random
import re
import resource
import shutil
import signal
import sys
import time
import unittest

import parallel_test
from parallel_test import LIMIT_S, mpirun, pid_of_rank, start, text

NUM_KILLS = 24
POLL_S = 0.0005


class CheckpointFaults(parallel_test.Runs):
    SHARDED = "parallel.optimizer_sharding=true"

    @staticmethod
    def seen(folder):
        """Files of checkpoints, also hidden ones; their names tell the stage of a write."""
        base = os.path.join(folder, "checkpoints")
        return {os.path.join(os.path.relpath(at, base), name) for at, _, names in os.walk(base) for name in names}

    def wait_for_stage(self, process, folder, stage, before):
        """Until a new file of this stage is there, or two checkpoints have passed without; False if the run ends first."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            new = self.seen(folder) - before
            if any(stage in path for path in new) or sum(re.match(r"step_\d+/MANIFEST", p) is not None for p in new) > 1:
                return True
            if process.poll() is not None:
                return False
            time.sleep(POLL_S)
        self.fail("the run makes no progress")

    def test_kills_in_every_stage_of_a_write_lose_no_bit(self):
        rng = random.Random(1)
        steps = f"train.max_steps={3 * NUM_KILLS}"
        every = "checkpoint.every_steps=1"
        undisturbed, folder = self.folder("straight"), self.folder("killed")
        self.finish(start(self.train(undisturbed, steps, every, "checkpoint.async=false")))
        stages = [".tmp/", ".tmp/optimizer-00001", ".tmp/optimizer-00002", ".tmp/model", ".tmp/state.json",
                  ".tmp/MANIFEST.json", "/.last.json", "/.optimizer", "/.model"]
        kills = 0
        for n in range(NUM_KILLS):
            ranks = (2, 4)[n % 2]
            words = [f"checkpoint.async={('true', 'false')[n // 2 % 2]}", *([self.SHARDED] if n // 4 % 2 else [])]
            before = self.seen(folder)
            process = start(mpirun(ranks, *self.train(folder, steps, every, *words)))
            if not self.wait_for_stage(process, folder, stages[n % len(stages)], before):
                break
            time.sleep(rng.random() * 0.02)
            try:
                os.kill(pid_of_rank(process, rng.randrange(ranks)), signal.SIGKILL)
            except (AssertionError, ProcessLookupError):
                pass  # it has ended meanwhile
            process.communicate(timeout=LIMIT_S)
            if process.returncode == 0:
                break
            kills += 1
            for step in self.checkpoints(folder):
                if os.path.exists(os.path.join(folder, "checkpoints", step, "MANIFEST.json")):
                    self.assert_whole(folder, step)
        self.assertGreaterEqual(kills, min(20, NUM_KILLS - 2))
        self.finish(start(self.train(folder, steps, every)))
        self.assert_same_state(folder, undisturbed, 3 * NUM_KILLS)
        self.assertEqual(text(os.path.join(folder, "metrics.jsonl")), text(os.path.join(undisturbed, "metrics.jsonl")))
        self.assertEqual(glob.glob(os.path.join(folder, "checkpoints", "*.tmp")), [])
        print(f"\n{kills} kills", flush=True)

    def test_all_ranks_pass_over_a_checkpoint_with_a_damaged_shard(self):
        whole = self.folder("shards")
        self.finish(start(mpirun(4, *self.train(whole, "train.max_steps=10", "train.stop_at_step=6", self.SHARDED))))
        name = "optimizer-00003-of-00004.safetensors"

        def truncate(path):
            os.truncate(path, os.path.getsize(path) - 1)

        def flip(path):
            with open(path, "r+b") as f:
                f.seek(-3, os.SEEK_END)
                byte = f.read(1)[0]
                f.seek(-3, os.SEEK_END)
                f.write(bytes([byte ^ 1]))

        for damage, ranks, why in ((truncate, 2, "bytes, the manifest says"), (flip, 4, "does not match its checksum"),
                                   (os.remove, 1, "is missing")):
            folder = self.folder("damaged_" + damage.__name__)
            shutil.copytree(whole, folder)
            damage(os.path.join(folder, "checkpoints", "step_00000006", name))
            said = self.finish(start(mpirun(ranks, *self.train(folder, "train.max_steps=10"))))
            self.assertEqual(said.count("checkpoint step_00000006 is not used: " + name), 1, said)
            self.assertEqual(said.count(why), 1, said)
            self.assertEqual(said.count("falling back to step_00000004"), 1, said)
            self.assert_same_run(folder)

    def test_one_rank_that_cannot_write_ends_all_and_older_checkpoints_stay(self):
        for background in ("true", "false"):
            folder = self.folder("short" + background)
            # A limit on the size of files stands in for a full disk on one node.
            command = self.train(folder, "train.max_steps=10", self.SHARDED, "checkpoint.async=" + background)
            process = start(mpirun(2, "bash", "-c", 'trap "" XFSZ; exec "$@"', "pear", *command))
            self.wait_for_rows(folder, 3, process)
            self.wait_for_checkpoint(folder, process)
            pid = pid_of_rank(process, 1)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]))
            said = self.finish(process, code=1)
            self.assertEqual(said.count("older checkpoints are untouched"), 1, said)
            self.assertEqual(said.count("rank 1: "), 1, said)
            self.assertIn("optimizer-00002-of-00002.safetensors", said)
            self.assert_whole(folder, self.checkpoints(folder)[-1])
            self.assertEqual(glob.glob(os.path.join(folder, "checkpoints", "*.tmp")), [])
            self.finish(start(mpirun(4, *self.train(folder, "train.max_steps=10"))))
            self.assert_same_run(folder)


if __name__ == "__main__":
    parallel_test.PEAR, parallel_test.SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
