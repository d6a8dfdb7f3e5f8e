// What became of the jobs of a run: the queue's word, and the marks and checkpoints in the folders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "forecast/submit/job_record.h"

namespace pear::forecast {

/// One job, or one task of an array, as SLURM tells it.
struct QueueState {
  std::string job;   ///< `12`, or `12_3` for a task
  std::string task;  ///< number of the task, or a range such as `0-2` that waits as one
  std::string state, reason, run_time;
  int64_t restarts = 0;
  bool operator==(const QueueState&) const = default;
};

/// Lines of `scontrol --oneliner show job`, and of `sacct --parsable2 --format=JobID,State,Elapsed`.
std::vector<QueueState> parse_scontrol(std::string_view text);
std::vector<QueueState> parse_sacct(std::string_view text);

/// A job of the run as `pear submit --status` shows it.
struct JobStatus {
  JobRecord record;
  QueueState queue;             ///< state `unknown` where SLURM no longer tells
  std::optional<int64_t> step;  ///< newest whole checkpoint
  std::string mark;             ///< `DONE`, `STOPPED` (refused for good) or empty
};

/// Asks scontrol, then sacct, for every job in jobs.jsonl; a machine without SLURM shows what the folders tell.
/// Errors:  DataError `BadJobList`.
std::vector<JobStatus> job_status(const std::filesystem::path& run_folder);

/// Step of the newest checkpoint folder that has its manifest.
std::optional<int64_t> newest_step(const std::filesystem::path& run_folder);

/// Table of `job_status`.
std::string status_table(const std::vector<JobStatus>& jobs);

}  // namespace pear::forecast
