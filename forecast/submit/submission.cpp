#include "forecast/submit/submission.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/error.h"
#include "base/files.h"
#include "base/process.h"
#include "base/time.h"
#include "forecast/submit/job_record.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;

fs::path numbered_folder(const SubmitRequest& request, int64_t number) {
  return request.job.run_folder / "slurm" / fmt::format("{:03}-{}", number, request.job.verb);
}

/// The first number that no submission of this run has taken.
int64_t free_number(const fs::path& run_folder) {
  int64_t number = 1;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(run_folder / "slurm", ignored))
    number = std::max<int64_t>(number, std::atoll(entry.path().filename().c_str()) + 1);
  return number;
}

SubmitPlan plan_in(const SubmitRequest& request, const fs::path& folder) {
  SubmitPlan plan{.job = request.job};
  plan.job.job_folder = folder;
  plan.job.config_file = folder / "config.yaml";
  plan.script_file = folder / "job.sh";
  plan.script = render_job_script(plan.job);
  return plan;
}

/// Two submissions at the same time get two folders.
fs::path make_folder(const SubmitRequest& request) {
  ensure_writable_directory(request.job.run_folder / "slurm");
  int64_t number = free_number(request.job.run_folder);
  while (!fs::create_directory(numbered_folder(request, number))) ++number;
  return numbered_folder(request, number);
}

/// A % begins a pattern in names of logs.
std::string log_name(const std::string& folder) {
  std::string name;
  for (const char c : folder) name += c == '%' ? std::string("%%") : std::string(1, c);
  return name;
}

std::string call_sbatch(const std::vector<std::string>& words) {
  ProcessResult result;
  try {
    result = run_process(words);
  } catch (const DataError& e) {
    if (e.code() != "ProgramNotFound") throw;
    throw CommError("NoSlurm", "submit",
                    {.what = "sbatch was not found: no SLURM on this machine",
                     .hint = "--dry-run prints the script; slurm/local-cluster start makes a SLURM for trying"});
  }
  const std::string id = result.output.substr(0, result.output.find_first_of(";\n"));
  if (result.exit_code != 0 || id.empty() || id.find_first_not_of("0123456789") != std::string::npos)
    throw CommError("SubmitFailed", "submit",
                    {.what = fmt::format("sbatch failed with exit code {}: {}", result.exit_code,
                                         result.error.substr(0, result.error.find_last_not_of('\n') + 1)),
                     .hint = "SLURM_CONF must name the cluster; see slurm.partition, slurm.account, slurm.time"});
  return id;
}

}  // namespace

SubmitPlan plan_submission(const SubmitRequest& request) {
  return plan_in(request, numbered_folder(request, free_number(request.job.run_folder)));
}

std::vector<std::string> sbatch_words(const SubmitPlan& plan, const std::string& after) {
  const std::string log = plan.job.tasks.empty() ? "%x-%j.log" : "%x-%A_%a.log";
  std::vector<std::string> words{"sbatch", "--parsable",
                                 "--output=" + log_name(plan.job.job_folder.string()) + "/" + log};
  if (!after.empty())
    words.push_back("--dependency=afterany:" + after);
  else if (!plan.job.slurm.dependency.empty())
    words.push_back("--dependency=" + plan.job.slurm.dependency);
  words.push_back(plan.script_file.string());
  return words;
}

std::vector<std::string> submit(const SubmitRequest& request, SubmitPlan& plan) {
  plan = plan_in(request, make_folder(request));
  write_file_atomic(plan.job.config_file, request.config_yaml);
  write_file_atomic(plan.script_file, plan.script);
  std::vector<std::string> jobs;
  for (int64_t link = 1; link <= request.chain; ++link) {
    jobs.push_back(call_sbatch(sbatch_words(plan, jobs.empty() ? "" : jobs.back())));
    JobRecord record{.submission = plan.job.job_folder.filename().string(),
                     .job = jobs.back(),
                     .verb = plan.job.verb,
                     .submitted = format_time({std::chrono::duration_cast<std::chrono::seconds>(
                                                   std::chrono::system_clock::now().time_since_epoch())
                                                   .count()}),
                     .link = link,
                     .num_links = request.chain};
    for (const JobTask& task : plan.job.tasks) record.task_folders.push_back(task.run_folder.string());
    append_record(request.job.run_folder, record);
  }
  return jobs;
}

}  // namespace pear::forecast
