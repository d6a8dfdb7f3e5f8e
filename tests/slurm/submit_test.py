#!/usr/bin/env python3
"""`pear submit` without a SLURM: stand-ins for sbatch, srun and scontrol note what they are called with, and the script
that was written is run with them.

Usage: submit_test.py PEAR SOURCE [unittest options].
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

PEAR, SOURCE = "", ""
# A stand-in notes its words, one JSON list a line, and does what its variable says.
STAND_IN = """#!/bin/sh
python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@" >>"$NOTES/{name}"
{body}
"""
BODIES = {
    "sbatch": 'number=$(wc -l <"$NOTES/sbatch"); echo "$((number + 40))"',
    "scontrol": 'if [ "$2" = show ]; then echo "$SCONTROL_SHOWS"; fi; exit "${SCONTROL_CODE:-0}"',
    "srun": 'eval "${SRUN_DOES:-:}"; exit "${SRUN_CODE:-0}"',
    "sleep": ":",
}
ODD = "o'd d$(touch hurt);`touch hurt`\n#SBATCH --nodes=99 \"x\" %j"


class Submit(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.notes = os.path.join(self.dir, "notes")
        bin_dir = os.path.join(self.dir, "bin")
        os.mkdir(self.notes)
        os.mkdir(bin_dir)
        for name, body in BODIES.items():
            path = os.path.join(bin_dir, name)
            with open(path, "w", encoding="utf-8") as f:
                f.write(STAND_IN.format(name=name, body=body))
            os.chmod(path, 0o755)
        self.run_dir = os.path.join(self.dir, "run")
        self.environment = dict(os.environ, PATH=bin_dir + os.pathsep + os.environ["PATH"], NOTES=self.notes,
                                PEAR_RUNS=os.path.join(self.dir, "runs"), OMP_NUM_THREADS="1")

    def call(self, *words, code=0, **environment):
        result = subprocess.run([PEAR, "submit", *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                cwd=self.dir, env=dict(self.environment, **environment), timeout=120)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout

    def submit(self, *words, **kwargs):
        return self.call(os.path.join(SOURCE, "configs", "test", "tiny.yaml"), "slurm.site=local4",
                         f"run.dir={json.dumps(self.run_dir)}", *words, **kwargs)

    def noted(self, program):
        path = os.path.join(self.notes, program)
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def job_folder(self, name="001-train"):
        return os.path.join(self.run_dir, "slurm", name)

    def job(self, code, folder=None, **environment):
        """Runs the script as SLURM would."""
        variables = dict(self.environment, SLURM_JOB_ID="41", **environment)
        result = subprocess.run(["bash", os.path.join(folder or self.job_folder(), "job.sh")], text=True, cwd="/",
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=variables, timeout=60)
        self.assertEqual(result.returncode, code, result.stdout)
        return result.stdout

    def checkpoint(self, step, folder=None):
        path = os.path.join(folder or self.run_dir, "checkpoints", f"step_{step:08d}")
        os.makedirs(path)
        with open(os.path.join(path, "MANIFEST.json"), "w", encoding="utf-8"):
            pass

    def requeued(self):
        return [words for words in self.noted("scontrol") if words[0] == "requeue"]

    def test_a_dry_run_prints_a_script_and_writes_nothing(self):
        text = self.submit("--dry-run", "--chain", "2")
        self.assertTrue(text.startswith("#!/usr/bin/env bash\n#SBATCH --job-name=tiny-train\n"), text[:200])
        for line in ("#SBATCH --nodes=4", "#SBATCH --signal=USR1@30", "#SBATCH --no-requeue",
                     "launch=(srun --kill-on-bad-exit=1 --cpus-per-task=1 --mpi=pmix)"):
            self.assertIn("\n" + line + "\n", text)
        self.assertIn("# FAIL  store", text)
        self.assertEqual(text.count("\n# sbatch --parsable"), 2)
        self.assertFalse(os.path.exists(self.run_dir))
        self.assertEqual(self.noted("sbatch"), [])
        answer = json.loads(self.submit("--dry-run", "--json"))["result"]
        self.assertEqual(answer["sbatch"][0][:2], ["sbatch", "--parsable"])

    @unittest.skipUnless(shutil.which("shellcheck"), "shellcheck is not installed")
    def test_scripts_pass_shellcheck(self):
        for words in ((), ("--array", "seeds=1..3", "slurm.launcher=mpirun", "slurm.modules=[a, \"b c\"]"),
                      ("--verb", "forecast", "--array", "inits", f"run.name={json.dumps('x$y')}")):
            script = self.submit("--dry-run", *words)
            result = subprocess.run(["shellcheck", "-"], input=script, text=True, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT)
            self.assertEqual(result.returncode, 0, result.stdout)

    def test_links_of_a_chain_wait_for_each_other_and_are_recorded(self):
        self.submit("--chain", "3", "slurm.dependency=afterok:5")
        calls = self.noted("sbatch")
        self.assertEqual([[w for w in c if w.startswith("--dependency")] for c in calls],
                         [["--dependency=afterok:5"], ["--dependency=afterany:41"], ["--dependency=afterany:42"]])
        self.assertEqual({c[-1] for c in calls}, {os.path.join(self.job_folder(), "job.sh")})
        with open(os.path.join(self.run_dir, "jobs.jsonl"), encoding="utf-8") as f:
            records = [json.loads(line) for line in f]
        self.assertEqual([(r["job"], r["link"], r["links"]) for r in records],
                         [("41", 1, 3), ("42", 2, 3), ("43", 3, 3)])
        self.submit()  # a second submission has a folder of its own
        self.assertTrue(os.path.exists(os.path.join(self.job_folder("002-train"), "job.sh")))

    def test_the_job_reads_a_frozen_configuration_of_the_same_meaning(self):
        self.submit("train.lr=1e-4", "slurm.time=1h")
        frozen = os.path.join(self.job_folder(), "config.yaml")
        hashes = []
        for config, keys in ((frozen, ()), (os.path.join(SOURCE, "configs", "test", "tiny.yaml"),
                                            (f"run.dir={json.dumps(self.run_dir)}", "train.lr=1e-4"))):
            out = subprocess.run([PEAR, "inspect", config, *keys, "--json"], text=True, stdout=subprocess.PIPE,
                                 env=self.environment, check=True)
            hashes.append(json.loads(out.stdout)["result"]["sha256"])
        self.assertEqual(hashes[0], hashes[1])

    def test_a_finished_run_is_marked_and_later_links_leave_at_once(self):
        self.submit("--requeue")
        self.assertIn("done", self.job(0))
        self.assertTrue(os.path.exists(os.path.join(self.job_folder(), "DONE")))
        self.assertIn("done already", self.job(0))
        self.assertEqual(len(self.noted("srun")), 1)
        words = self.noted("srun")[0]
        self.assertEqual(words[-3:], [PEAR, "train", os.path.join(self.job_folder(), "config.yaml")])

    def test_a_stopped_run_is_put_back_and_resumed(self):
        self.submit("--requeue")
        self.checkpoint(4)
        made = 'mkdir -p "$RUN/checkpoints/step_00000008" && : >"$RUN/checkpoints/step_00000008/MANIFEST.json"'
        self.assertIn("back into the queue", self.job(3, SRUN_CODE="3", SRUN_DOES=made, RUN=self.run_dir))
        self.assertEqual(self.requeued(), [["requeue", "41"]])
        self.job(0, SLURM_RESTART_COUNT="1")
        self.assertEqual([words[-1] == "--resume" for words in self.noted("srun")], [False, True])

    def test_a_stopped_run_is_not_put_back_without_progress_or_beyond_the_limit_or_unasked(self):
        self.submit("--requeue", "slurm.requeue_limit=2")
        self.checkpoint(8)
        self.assertIn("without a new checkpoint", self.job(3, SRUN_CODE="3"))
        made = 'mkdir -p "$RUN/checkpoints/step_00000012" && : >"$RUN/checkpoints/step_00000012/MANIFEST.json"'
        self.assertIn("are used up",
                      self.job(3, SRUN_CODE="3", SRUN_DOES=made, RUN=self.run_dir, SLURM_RESTART_COUNT="2"))
        self.submit()
        made = made.replace("12", "16")
        self.assertIn("was not asked for",
                      self.job(3, self.job_folder("002-train"), SRUN_CODE="3", SRUN_DOES=made, RUN=self.run_dir))
        self.assertEqual(self.requeued(), [])

    def test_a_failure_is_tried_again_so_often_and_no_more(self):
        self.submit("--requeue", "slurm.requeue_on_failure=2")
        for code in ("1", "137"):
            self.job(1, SRUN_CODE=code)
        self.assertIn("failure 3, more than", self.job(1, SRUN_CODE="1"))
        self.assertEqual(len(self.requeued()), 2)

    def test_a_signal_before_the_program_takes_it_is_no_failure(self):
        self.submit("--requeue", "slurm.requeue_on_failure=0")
        self.assertIn("before the program was there", self.job(3, SRUN_CODE="138"))
        self.assertEqual(len(self.requeued()), 1)

    def test_a_wrong_configuration_stops_the_whole_chain(self):
        self.submit("--requeue", "--chain", "2")
        self.job(2, SRUN_CODE="2")
        self.assertIn("was refused", self.job(2))
        self.assertEqual(len(self.noted("srun")), 1)
        self.assertEqual(self.requeued(), [])

    def test_a_signal_to_the_script_is_passed_on_and_the_real_exit_code_is_seen(self):
        self.submit("--requeue", "slurm.launcher=srun")
        waits = 'trap "exit 3" USR1; : >"$NOTES/ready"; i=0; while [ $i -lt 300 ]; do /bin/sleep 0.1; i=$((i+1)); done'
        process = subprocess.Popen(["bash", os.path.join(self.job_folder(), "job.sh")], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   env=dict(self.environment, SLURM_JOB_ID="41", SRUN_DOES=waits))
        for _ in range(300):
            if os.path.exists(os.path.join(self.notes, "ready")):
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGUSR1)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3, out)
        self.assertIn("exit code 3, checkpoint step -1", out)

    def test_tasks_of_an_array_have_their_own_words_folders_and_marks(self):
        self.submit("--requeue", "--array", "seeds=5..6")
        self.checkpoint(12, os.path.join(self.run_dir, "seed_6"))
        text = self.job(0, SLURM_ARRAY_TASK_ID="1")
        self.assertIn("checkpoint step 12", text)
        self.assertEqual(self.noted("srun")[0][-2:],
                         ["run.seed=6", f"run.dir={json.dumps(os.path.join(self.run_dir, 'seed_6'))}"])
        self.assertTrue(os.path.exists(os.path.join(self.job_folder(), "task-1.DONE")))
        self.assertIn("is an array job", self.job(2))
        self.submit("--verb", "forecast", "--array", "inits=2")
        self.job(0, self.job_folder("002-forecast"), SLURM_ARRAY_TASK_ID="0")
        self.assertEqual(self.noted("srun")[1][-1], "forecast.init=[2001-02-05T00:00:00Z]")

    def test_names_with_odd_characters_reach_no_shell(self):
        self.run_dir = os.path.join(self.dir, ODD)
        self.submit("--array", "seeds=1..2", "slurm.environment={PEAR_ODD: " + json.dumps(ODD) + "}",
                    "slurm.container=" + json.dumps(ODD), "run.name=" + json.dumps(ODD.replace("/", "")),
                    PEAR_CAPTURED=ODD)
        words = self.noted("sbatch")[0]
        self.assertEqual(words[-1], os.path.join(self.job_folder(), "job.sh"))
        self.assertIn(self.run_dir.replace("%", "%%"), words[1])
        self.job(0, SLURM_ARRAY_TASK_ID="0", SRUN_DOES='printf %s "$PEAR_ODD$PEAR_CAPTURED" >"$NOTES/odd"')
        words = self.noted("srun")[0]
        self.assertEqual(words[words.index("--nv") + 1], ODD)
        with open(os.path.join(self.notes, "odd"), encoding="utf-8") as f:
            self.assertEqual(f.read(), ODD + ODD)
        with open(os.path.join(self.job_folder(), "job.sh"), encoding="utf-8") as f:
            options = [line for line in f if line.startswith("#SBATCH")]
        self.assertEqual([line for line in options if "99" in line or "hurt" in line],
                         [line for line in options if line.startswith("#SBATCH --job-name=")])
        for folder in (self.dir, SOURCE, "/"):
            self.assertFalse(os.path.exists(os.path.join(folder, "hurt")))
        # The run's own program reads the word back as the folder that was meant.
        out = subprocess.run([PEAR, "inspect", os.path.join(self.job_folder(), "config.yaml"), words[-1], "--json"],
                             text=True, stdout=subprocess.PIPE, env=self.environment, check=True)
        self.assertEqual(json.loads(out.stdout)["result"]["config"]["run"]["dir"], os.path.join(self.run_dir, "seed_1"))

    def test_status_tells_the_queue_s_word_and_what_the_folder_holds(self):
        self.call("--status", self.run_dir, code=1)
        self.submit("--requeue")
        shows = "JobId=41 Restarts=1 JobState=RUNNING Reason=None RunTime=00:01:05"
        self.checkpoint(8)
        text = self.call("--status", self.run_dir, SCONTROL_SHOWS=shows)
        self.assertIn("RUNNING", text)
        job = json.loads(self.call("--status", self.run_dir, "--json", SCONTROL_SHOWS=shows))["result"]["jobs"][0]
        self.assertEqual((job["job"], job["state"], job["restarts"], job["step"], job["mark"]),
                         ("41", "RUNNING", 1, 8, ""))
        self.job(0)
        job = json.loads(self.call("--status", self.run_dir, "--json", SCONTROL_CODE="1"))["result"]["jobs"][0]
        self.assertEqual((job["state"], job["mark"]), ("unknown", "DONE"))

    def test_wrong_usage_is_refused(self):
        for words in (("--chain", "0"), ("--chain", "x"), ("--verb", "ingest"), ("--array", "members=3"),
                      ("slurm.site=nowhere",), ("slurm.nodez=3",), ("slurm.signal_lead=2h",)):
            self.submit(*words, code=2)
        self.assertEqual(self.noted("sbatch"), [])

    def test_without_slurm_it_says_so(self):
        os.remove(os.path.join(self.dir, "bin", "sbatch"))
        if not shutil.which("sbatch"):
            answer = json.loads(self.submit("--json", code=1))
            self.assertEqual(answer["error"]["code"], "NoSlurm")


if __name__ == "__main__":
    PEAR, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
