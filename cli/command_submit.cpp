#include "cli/command_submit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/config/writer.h"
#include "base/error.h"
#include "base/log.h"
#include "cli/command_check.h"
#include "cli/requests.h"
#include "forecast/submit/job_array.h"
#include "forecast/submit/job_status.h"
#include "forecast/submit/submission.h"

namespace pear::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::array<std::string_view, 4> kVerbs{"train", "forecast", "score", "experiment"};
constexpr int64_t kMostLinks = 100;

std::string verb_of(const Arguments& arguments) {
  const std::string verb = arguments.submitted_verb.empty() ? "train" : arguments.submitted_verb;
  if (std::find(kVerbs.begin(), kVerbs.end(), verb) == kVerbs.end())
    throw ConfigError("BadVerb", "cli",
                      {.what = "--verb " + verb, .expected = fmt::format("one of {}", fmt::join(kVerbs, ", "))});
  return verb;
}

int64_t chain_of(const Arguments& arguments) {
  if (arguments.chain.empty()) return 1;
  int64_t links = 0;
  const char* last = arguments.chain.data() + arguments.chain.size();
  const auto [end, error] = std::from_chars(arguments.chain.data(), last, links);
  if (error != std::errc{} || end != last || links < 1 || links > kMostLinks)
    throw ConfigError(
        "BadChain", "cli",
        {.what = "--chain " + arguments.chain, .expected = fmt::format("a number of 1 to {}", kMostLinks)});
  return links;
}

/// The folder of this program's file, wherever PATH found it.
fs::path own_program() { return fs::read_symlink("/proc/self/exe"); }

forecast::SubmitRequest request_of(const Arguments& arguments, const forecast::LoadedConfig& loaded) {
  const forecast::RunConfig& config = loaded.config;
  forecast::SubmitRequest request;
  forecast::JobScript& job = request.job;
  job.slurm = loaded.slurm;
  job.slurm.requeue = job.slurm.requeue || arguments.requeue;
  job.verb = verb_of(arguments);
  // Initial times in shares are parallel already: each share is one process.
  job.parallel = find_command(job.verb)->can_run_parallel && !arguments.array.starts_with("inits");
  job.name = config.run.name;
  job.program = loaded.slurm.program.empty() ? own_program() : fs::path(loaded.slurm.program.str());
  job.work_folder = fs::current_path();
  job.run_folder = fs::absolute(config.run.folder()).lexically_normal();
  job.captured = forecast::captured_environment(loaded.slurm.capture);
  if (!arguments.array.empty())
    job.tasks = forecast::array_tasks(arguments.array, job.run_folder, rollout_request(config).config.init.times());
  request.chain = chain_of(arguments);
  request.config_yaml = to_yaml(config);
  return request;
}

/// Findings of `pear check` for the verb, which never stop a submission: a job before this one may bring what is
/// missing.
CommandResult check(const Arguments& arguments, const std::string& verb) {
  if (verb == "experiment") return {.text = "no check for experiments\n"};
  Arguments asked = arguments;
  asked.verb = "check";
  asked.overrides.push_back("check.verb=" + verb);
  asked.overrides.push_back("check.probe=false");  // a login node is no place for a training step
  return run_check(asked);
}

std::string as_comment(const std::string& text) {
  std::string out = "# ";
  for (const char c : text) out += c == '\n' ? std::string("\n# ") : std::string(1, c);
  while (out.ends_with("\n# ")) out.resize(out.size() - 3);
  return out + "\n";
}

std::string command_text(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back(forecast::shell_word(word));
  return fmt::format("{}", fmt::join(quoted, " "));
}

/// The script as it would be written; what else would happen follows as comments, so that all of it is a script.
CommandResult dry_run(const forecast::SubmitRequest& request, const CommandResult& checked) {
  const forecast::SubmitPlan plan = forecast::plan_submission(request);
  CommandResult out{.text = plan.script + "\n"};
  nlohmann::json commands = nlohmann::json::array();
  for (int64_t link = 1; link <= request.chain; ++link) {
    const auto words = forecast::sbatch_words(plan, link == 1 ? "" : "<job of the link before>");
    out.text += as_comment(command_text(words));
    commands.push_back(words);
  }
  out.text += as_comment("pear check:\n" + checked.text);
  out.result = {{"script", plan.script},
                {"sbatch", commands},
                {"check", checked.result},
                {"would_write", {plan.script_file.string(), plan.job.config_file.string()}}};
  return out;
}

CommandResult show_status(const Arguments& arguments) {
  if (arguments.paths.size() != 1 || !arguments.overrides.empty())
    throw ConfigError("NoRun", "cli",
                      {.what = "--status", .expected = "one run folder", .hint = "pear submit --status RUN"});
  const auto jobs = forecast::job_status(arguments.paths.front());
  CommandResult out;
  if (jobs.empty())
    throw DataError("NoJobs", "submit",
                    {.what = "nothing was submitted for " + arguments.paths.front().string(),
                     .hint = "jobs are listed in jobs.jsonl of the run folder"});
  out.text = forecast::status_table(jobs);
  nlohmann::json list = nlohmann::json::array();
  for (const auto& j : jobs) {
    list.push_back({{"submission", j.record.submission},
                    {"job", j.queue.job},
                    {"verb", j.record.verb},
                    {"link", j.record.link},
                    {"state", j.queue.state},
                    {"reason", j.queue.reason},
                    {"restarts", j.queue.restarts},
                    {"mark", j.mark},
                    {"run_time", j.queue.run_time}});
    list.back()["step"] = j.step ? nlohmann::json(*j.step) : nlohmann::json();
  }
  out.result = {{"jobs", list}};
  return out;
}

}  // namespace

CommandResult run_submit(const Arguments& arguments) {
  if (arguments.status) return show_status(arguments);
  const auto loaded = forecast::load_job_config(config_input(arguments));
  const forecast::SubmitRequest request = request_of(arguments, loaded);
  const CommandResult checked = check(arguments, request.job.verb);
  if (arguments.dry_run) return dry_run(request, checked);
  forecast::SubmitPlan plan;
  const std::vector<std::string> jobs = forecast::submit(request, plan);
  CommandResult out{.outputs = {plan.script_file, plan.job.config_file, request.job.run_folder / "jobs.jsonl"}};
  out.text = fmt::format("submitted {} as {} {}\nscript and log  {}\nwatch           pear submit --status {}\n",
                         request.job.verb, jobs.size() == 1 ? "job" : "jobs", fmt::join(jobs, ", "),
                         plan.job.job_folder.string(), forecast::shell_word(request.job.run_folder.string()));
  if (checked.exit_code != 0) {
    log_warn("pear check finds what would stop the job:\n{}", checked.text);
    out.warnings.push_back(checked.text);
  }
  out.result = {{"jobs", jobs},
                {"folder", plan.job.job_folder.string()},
                {"run_folder", request.job.run_folder.string()},
                {"check", checked.result}};
  return out;
}

}  // namespace pear::cli
