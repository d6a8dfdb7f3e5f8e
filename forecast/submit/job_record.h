// jobs.jsonl of a run folder: what was submitted, one line per job.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pear::forecast {

struct JobRecord {
  std::string submission;  ///< name of its folder below RUN/slurm
  std::string job;         ///< SLURM's number
  std::string verb, submitted;
  int64_t link = 1, num_links = 1;
  std::vector<std::string> task_folders;  ///< run folder of every task of an array
  bool operator==(const JobRecord&) const = default;
};

/// Errors:  DataError `WriteFailed`.
void append_record(const std::filesystem::path& run_folder, const JobRecord& record);
/// Empty if nothing was submitted. Errors: DataError `BadJobList` for a line that is no record.
std::vector<JobRecord> read_records(const std::filesystem::path& run_folder);

}  // namespace pear::forecast
