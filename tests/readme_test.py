#!/usr/bin/env python3
"""Runs every command of README.md, in order, in a scratch folder, on the real data.

Commands are the lines of ```sh blocks. `make TARGET` lines are checked to be targets of the Makefile (they would
build the tree again); everything else is run as it stands with `pear` on the PATH. Training is cut to a few steps
through PEAR_README_ARGS, so that the test takes seconds; `make example` runs it in full.
Exit code 77 means skipped: PEAR_TEST_DATA has no real files.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from binary import has_grib  # noqa: E402

SKIPPED = 77
SHORT = {"train": " train.max_steps=3"}


def commands(readme):
    for block in re.findall(r"```sh\n(.*?)```", readme, re.S):
        for line in block.replace("\\\n", " ").splitlines():
            line = line.split("  #")[0].strip()
            if line and not line.startswith("#"):
                yield line


def shortened(command):
    words = command.split()
    if words[0] == "pear" and len(words) > 2 and words[1] in SHORT and "--help" not in words:
        return command + SHORT[words[1]]
    return command


def main():
    pear, source = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    data = os.environ.get("PEAR_TEST_DATA", "")
    if not os.path.isdir(os.path.join(data, "gfs_wind_201810")):
        print(f"skipped: no gfs_wind_201810 in PEAR_TEST_DATA={data!r}")
        return SKIPPED
    if not has_grib(pear):
        print("skipped: built without GRIB")
        return SKIPPED
    with open(os.path.join(source, "README.md"), encoding="utf-8") as f:
        readme = f.read()
    if len(readme.splitlines()) > 250:
        print("README.md has more than 250 lines")
        return 1
    with open(os.path.join(source, "Makefile"), encoding="utf-8") as f:
        targets = set(re.findall(r"^([a-z-]+)(?: [a-z-]+)*:", f.read(), re.M)) | {"asan", "minimal"}
    failures, count = 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        os.symlink(os.path.join(source, "configs"), os.path.join(scratch, "configs"))
        env = dict(os.environ, PATH=os.path.dirname(pear) + os.pathsep + os.environ["PATH"],
                   PEAR_TEST_DATA=os.path.abspath(data), PEAR_RUNS=os.path.join(scratch, "runs"))
        for command in commands(readme):
            count += 1
            words = command.split()
            if words[0] in ("make", "git", "cd", "export"):
                bad = words[0] == "make" and not set(words[1:]) <= targets
                if bad:
                    print(f"FAILED  {command}: no such target in the Makefile")
                    failures += 1
                continue
            run = subprocess.run(["bash", "-c", shortened(command)], cwd=scratch, env=env, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
            print(f"{'ok    ' if run.returncode == 0 else 'FAILED'}  {command}", flush=True)
            if run.returncode != 0:
                failures += 1
                print(run.stdout[-2000:])
    print(f"{count} commands, {failures} failed")
    return 1 if failures or count < 10 else 0


if __name__ == "__main__":
    sys.exit(main())
