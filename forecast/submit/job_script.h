// One batch script from a configuration: text in, text out; nothing is run or written here.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "forecast/submit/slurm_config.h"

namespace pear::forecast {

/// One task of an array: what it adds to the command, and where its results go.
struct JobTask {
  std::vector<std::string> words;
  std::filesystem::path run_folder;
};

struct JobScript {
  SlurmConfig slurm;
  std::string verb;
  bool parallel = false;  ///< the verb works on several processes; else one node and one task are asked for
  std::string name;
  std::filesystem::path program, config_file;
  std::filesystem::path run_folder;   ///< absolute; of the whole run
  std::filesystem::path job_folder;   ///< absolute; script, log and marks of this submission
  std::filesystem::path work_folder;  ///< absolute; relative paths of the configuration start here
  std::vector<JobTask> tasks;         ///< empty: no array
  std::vector<std::pair<std::string, std::string>> captured;  ///< variables of the submitting shell
};

/// `text` as one word of a bash script, whatever bytes it holds (but no zero byte): one line, no expansion.
std::string shell_word(const std::string& text);

/// The script: options of sbatch as comments, settings as assignments, then the fixed part of slurm/job.sh.in.
std::string render_job_script(const JobScript& job);

/// `1-02:03:04`, for --time.
std::string slurm_duration(Duration d);

/// Variables that `patterns` name (a * at the end stands for any text), sorted.
std::vector<std::pair<std::string, std::string>> captured_environment(const std::vector<std::string>& patterns);

}  // namespace pear::forecast
