// A submission: its folder in the run folder, its frozen configuration and script, and the jobs that sbatch made of it.
//
//   RUN/slurm/001-train/{config.yaml, job.sh, <job>.log, DONE}      RUN/jobs.jsonl: one line per job
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "forecast/submit/job_script.h"

namespace pear::forecast {

struct SubmitRequest {
  JobScript job;            ///< without its folder and configuration file, which the submission chooses
  std::string config_yaml;  ///< resolved; the job reads this copy, so that later edits change nothing
  int64_t chain = 1;        ///< jobs one after another; each leaves at once where the run is done
};

struct SubmitPlan {
  JobScript job;  ///< complete
  std::string script;
  std::filesystem::path script_file;
};

/// What `submit` would write and run. Writes nothing.
SubmitPlan plan_submission(const SubmitRequest& request);

/// Words of the sbatch call; `after` is the job before it in a chain, or empty.
std::vector<std::string> sbatch_words(const SubmitPlan& plan, const std::string& after);

/// Makes the folder, writes configuration and script, calls sbatch for every link and notes each job at once.
/// Returns the ids of the jobs.
/// Errors:  CommError `NoSlurm`, `SubmitFailed` with sbatch's words; DataError `NotWritable`, `WriteFailed`.
std::vector<std::string> submit(const SubmitRequest& request, SubmitPlan& plan);

}  // namespace pear::forecast
