// What `pear submit` writes and reads, without a SLURM.
#include <gtest/gtest.h>

#include "base/config/reader.h"
#include "base/error.h"
#include "base/process.h"
#include "forecast/submit/job_array.h"
#include "forecast/submit/job_record.h"
#include "forecast/submit/job_script.h"
#include "forecast/submit/job_status.h"
#include "forecast/submit/site_profile.h"
#include "tests/base/scratch_folder.h"

namespace pear::forecast {
namespace {

using Submit = test::ScratchFolder;

std::string every_byte() {
  std::string text;
  for (int c = 1; c < 256; ++c) text += static_cast<char>(c);
  return text;
}

// bash itself is the oracle.
TEST(ShellWord, IsReadBackByBashAsOneWordWhateverItHolds) {
  for (const std::string& text :
       {std::string("plain"), std::string("a b"), std::string("it's"), std::string("$HOME"), std::string("`id`"),
        std::string("$(id)"), std::string("a;b & c | d > e"), std::string("two\nlines\n"), std::string("back\\slash"),
        std::string("\x01"
                    "f"),
        std::string(), std::string("*"), std::string("~"), std::string("#no comment"), std::string("=ls"),
        std::string("{a,b}"), std::string("!!"), std::string("Grüße"), every_byte()}) {
    const std::string word = shell_word(text);
    EXPECT_EQ(word.find('\n'), std::string::npos) << word;
    const ProcessResult r =
        run_process({"bash", "-c", "words=(" + word + "); printf '%s|%s' ${#words[@]} \"${words[0]}\""});
    EXPECT_EQ(r.output, "1|" + text);
  }
}

TEST(SlurmDuration, HasDaysHoursMinutesSeconds) {
  EXPECT_EQ(slurm_duration({30 * 60}), "0-00:30:00");
  EXPECT_EQ(slurm_duration({93784}), "1-02:03:04");
}

TEST(JobArray, SeedsAreRunsOfTheirOwn) {
  const auto tasks = array_tasks("seeds=2..4", "/r u\"n", {});
  ASSERT_EQ(tasks.size(), 3u);
  EXPECT_EQ(tasks[2].words, (std::vector<std::string>{"run.seed=4", "run.dir=\"/r u\\\"n/seed_4\""}));
  EXPECT_EQ(tasks[2].run_folder, "/r u\"n/seed_4");
  EXPECT_EQ(array_tasks("seeds=7,1", "/r", {})[0].words[0], "run.seed=7");
}

TEST(JobArray, InitialTimesAreSharedOutInOrderAndNoneIsLost) {
  std::vector<Time> inits;
  for (int64_t day = 0; day < 5; ++day) inits.push_back({day * 86400});
  const auto tasks = array_tasks("inits=2", "/r", inits);
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0].words[0], "forecast.init=[1970-01-01T00:00:00Z, 1970-01-02T00:00:00Z]");
  EXPECT_EQ(tasks[1].words[0], "forecast.init=[1970-01-03T00:00:00Z, 1970-01-04T00:00:00Z, 1970-01-05T00:00:00Z]");
  EXPECT_EQ(array_tasks("inits", "/r", inits).size(), 5u);
  EXPECT_EQ(array_tasks("inits=9", "/r", inits).size(), 5u);
}

TEST(JobArray, WrongSpecificationsAreRefused) {
  for (const char* spec : {"", "seeds", "seeds=", "seeds=3..1", "seeds=a", "seeds=1,1", "seeds=1..100000", "seeds=-1",
                           "inits=", "inits=0", "members=3", "seeds=1..9223372036854775807"})
    EXPECT_THROW(array_tasks(spec, "/r", {Time{0}}), ConfigError) << spec;
  EXPECT_THROW(array_tasks("inits", "/r", {}), ConfigError);
}

JobScript small_job() {
  JobScript job;
  job.verb = "train";
  job.name = "a b";
  job.parallel = true;
  job.program = "/bin/pear";
  job.config_file = "/r/config.yaml";
  job.run_folder = job.job_folder = job.work_folder = "/r";
  job.slurm.nodes = 3;
  job.slurm.tasks_per_node = 2;
  job.slurm.gpus_per_node = 4;
  job.slurm.time = {3600};
  return job;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(JobScript, AsksForWhatTheProfileSays) {
  JobScript job = small_job();
  const std::string text = render_job_script(job);
  for (const char* line :
       {"#SBATCH --job-name=a_b-train", "#SBATCH --nodes=3", "#SBATCH --ntasks-per-node=2", "#SBATCH --gpus-per-node=4",
        "#SBATCH --time=0-01:00:00", "#SBATCH --signal=USR1@120", "#SBATCH --no-requeue", "#SBATCH --open-mode=append",
        "launch=(srun --kill-on-bad-exit=1 --cpus-per-task=1 --mpi=pmix)", "export OMP_NUM_THREADS=1"})
    EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
  EXPECT_EQ(text.find("--partition"), std::string::npos);
}

TEST(JobScript, AVerbForOneProcessTakesOneTask) {
  JobScript job = small_job();
  job.parallel = false;
  const std::string text = render_job_script(job);
  for (const char* line : {"#SBATCH --nodes=1", "#SBATCH --ntasks-per-node=1", "#SBATCH --gpus-per-node=1"})
    EXPECT_TRUE(has_line(text, line)) << line;
}

TEST(JobScript, MpirunIsToldByTheScriptAndAContainerStandsBeforeTheProgram) {
  JobScript job = small_job();
  job.slurm.launcher = "mpirun";
  job.slurm.requeue = true;
  job.slurm.container = Path{"/im age.sif"};
  const std::string text = render_job_script(job);
  for (const char* line :
       {"#SBATCH --signal=B:USR1@120", "#SBATCH --requeue", "launch=(mpirun -np 6 apptainer exec --nv '/im age.sif')"})
    EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
}

TEST(SlurmConfig, WhatSbatchWouldReadOtherwiseIsRefused) {
  for (const char* wrong :
       {"slurm.partition=\"a b\"", "slurm.account=\"x#y\"", "slurm.qos=\"a'b\"", "slurm.options=[\"--a b\"]",
        "slurm.options=[-x]", "slurm.memory=64Q", "slurm.nodes=0", "slurm.time=1min", "slurm.environment={\"a b\": x}",
        "slurm.capture=[\"*\"]", "slurm.modules=[--force]", "slurm.launcher=sh", "slurm.partition=\"a\\nb\""}) {
    SiteProfile profile;
    EXPECT_THROW(read_config(profile, {.file = std::nullopt, .overrides = {wrong}}), ConfigError) << wrong;
  }
}

TEST_F(Submit, AProfileIsFoundBesideOrAboveTheConfiguration) {
  const auto profile = put("configs/machine/here.yaml", "slurm: {partition: p}\n");
  put("configs/run/a/b.yaml", "");
  EXPECT_EQ(find_site_profile("here", folder / "configs/run/a/b.yaml"), profile);
  EXPECT_EQ(find_site_profile(profile.string(), "elsewhere.yaml"), profile);
  try {
    find_site_profile("there", folder / "configs/run/a/b.yaml");
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.code(), "UnknownSite");
    EXPECT_NE(e.detail().expected.find("here"), std::string::npos);
  }
}

TEST_F(Submit, RecordsAreReadBackAndADamagedLineIsNamed) {
  const JobRecord record{.submission = "001-train",
                         .job = "7",
                         .verb = "train",
                         .submitted = "2026-01-01T00:00:00Z",
                         .link = 2,
                         .num_links = 3,
                         .task_folders = {"/a b", "/c\n"}};
  EXPECT_TRUE(read_records(folder).empty());
  append_record(folder, record);
  append_record(folder, record);
  EXPECT_EQ(read_records(folder), (std::vector<JobRecord>{record, record}));
  std::ofstream(folder / "jobs.jsonl", std::ios::app) << "{\"job\": 3}\n";
  try {
    read_records(folder);
    FAIL();
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "BadJobList");
    EXPECT_NE(e.detail().what.find("jobs.jsonl:3"), std::string::npos);
  }
}

TEST_F(Submit, OnlyWholeCheckpointsCount) {
  EXPECT_EQ(newest_step(folder), std::nullopt);
  put("checkpoints/step_00000004/MANIFEST.json", "{}");
  put("checkpoints/step_00000012/MANIFEST.json", "{}");
  put("checkpoints/step_00000016/model.safetensors", "");
  put("checkpoints/step_00000020.damaged/MANIFEST.json", "{}");
  EXPECT_EQ(newest_step(folder), 12);
}

// Lines as SLURM 22.05 prints them, shortened.
TEST(QueueState, LinesOfScontrolAndSacctAreRead) {
  const auto states = parse_scontrol(
      "JobId=12 JobName=t UserId=root(0) Requeue=1 Restarts=2 JobState=RUNNING Reason=None RunTime=00:01:05 "
      "Partition=m\n"
      "JobId=14 ArrayJobId=13 ArrayTaskId=1 JobName=t Restarts=0 JobState=PENDING Reason=Resources RunTime=00:00:00\n");
  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(
      states[0],
      (QueueState{.job = "12", .task = "", .state = "RUNNING", .reason = "", .run_time = "00:01:05", .restarts = 2}));
  EXPECT_EQ(states[1].job, "13_1");
  EXPECT_EQ(states[1].reason, "Resources");
  EXPECT_TRUE(parse_scontrol("slurm_load_jobs error: Invalid job id specified\n").empty());
  const auto finished = parse_sacct("12|COMPLETED|00:00:07\n13_0|FAILED|00:00:01\n");
  ASSERT_EQ(finished.size(), 2u);
  EXPECT_EQ(finished[0].state, "COMPLETED");
  EXPECT_EQ(finished[1].task, "0");
}

}  // namespace
}  // namespace pear::forecast
