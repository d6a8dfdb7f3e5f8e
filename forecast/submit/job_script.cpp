#include "forecast/submit/job_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <string_view>

#include "base/error.h"
#include "base/build_config.h"

extern char** environ;

namespace pear::forecast {
extern const char* const kJobTemplate;
namespace {

namespace fs = std::filesystem;

std::string array_of(const std::string& name, const std::vector<std::string>& words) {
  std::string text = name + "=(";
  for (size_t i = 0; i < words.size(); ++i) text += (i == 0 ? "" : " ") + shell_word(words[i]);
  return text + ")\n";
}

std::string setting(const std::string& name, const std::string& value) { return name + "=" + shell_word(value) + "\n"; }

/// A name that sbatch reads without quotes.
std::string plain_name(const std::string& name) {
  std::string plain = name;
  for (char& c : plain)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '-') c = '_';
  return plain;
}

std::string directives(const JobScript& job) {
  const SlurmConfig& s = job.slurm;
  std::string text;
  const auto add = [&](const std::string& option) { text += "#SBATCH " + option + "\n"; };
  const auto add_if = [&](const std::string& option, const std::string& value) {
    if (!value.empty()) add(option + value);
  };
  add("--job-name=" + plain_name(job.name + "-" + job.verb));
  add_if("--partition=", s.partition);
  add_if("--account=", s.account);
  add_if("--qos=", s.qos);
  add_if("--constraint=", s.constraint);
  add(fmt::format("--nodes={}", job.parallel ? s.nodes : 1));
  add(fmt::format("--ntasks-per-node={}", job.parallel ? s.tasks_per_node : 1));
  add(fmt::format("--cpus-per-task={}", s.cpus_per_task));
  if (s.gpus_per_node > 0) add(fmt::format("--gpus-per-node={}", job.parallel ? s.gpus_per_node : 1));
  add_if("--mem=", s.memory);
  if (s.time.seconds > 0) add("--time=" + slurm_duration(s.time));
  // srun's processes get the signal themselves; mpirun is told by the script.
  if (s.signal_lead.seconds > 0)
    add(fmt::format("--signal={}USR1@{}", s.launcher == "mpirun" ? "B:" : "", s.signal_lead.seconds));
  if (!job.tasks.empty()) add(fmt::format("--array=0-{}", job.tasks.size() - 1));
  add(s.requeue ? "--requeue" : "--no-requeue");
  add("--open-mode=append");
  add(job.tasks.empty() ? "--output=%x-%j.log" : "--output=%x-%A_%a.log");
  for (const std::string& option : s.options) add(option);
  text.pop_back();
  return text;
}

std::vector<std::string> launch_words(const JobScript& job) {
  const SlurmConfig& s = job.slurm;
  std::vector<std::string> words;
  if (s.launcher == "mpirun") {
    words = {"mpirun", "-np", std::to_string(job.parallel ? s.nodes * s.tasks_per_node : 1)};
  } else {
    words = {"srun", "--kill-on-bad-exit=1", fmt::format("--cpus-per-task={}", s.cpus_per_task)};
    if (s.mpi != "none" && !s.mpi.empty()) words.push_back("--mpi=" + s.mpi);
  }
  if (!s.container.empty()) {
    words.insert(words.end(), s.container_command.begin(), s.container_command.end());
    words.push_back(s.container.str());
  }
  return words;
}

/// The task of an array chooses its words and its run folder by its number.
std::string task_function(const JobScript& job) {
  std::string text = "choose_task() {\n  task_words=()\n";
  if (!job.tasks.empty()) {
    text += "  case $task in\n";
    for (size_t i = 0; i < job.tasks.size(); ++i) {
      const JobTask& task = job.tasks[i];
      text += fmt::format("    {})\n      {}      {}      ;;\n", i, array_of("task_words", task.words),
                          setting("run_folder", task.run_folder.string()));
    }
    text += "    *)\n      say \"this script is an array job: sbatch --array=0-" +
            std::to_string(job.tasks.size() - 1) + "\"\n      exit 2\n      ;;\n  esac\n";
  }
  return text + "}\n";
}

std::string exports(const JobScript& job) {
  std::map<std::string, std::string> variables(job.captured.begin(), job.captured.end());
  variables.try_emplace("OMP_NUM_THREADS", std::to_string(job.slurm.cpus_per_task));
  for (const auto& [name, value] : job.slurm.environment) variables[name] = value;
  if (!job.slurm.scratch.empty()) variables["TMPDIR"] = job.slurm.scratch.str();
  std::string text;
  for (const auto& [name, value] : variables) text += "export " + setting(name, value);
  return text;
}

std::string settings(const JobScript& job) {
  const SlurmConfig& s = job.slurm;
  std::string text = setting("verb", job.verb) + setting("work_folder", job.work_folder.string()) +
                     setting("run_folder", job.run_folder.string()) + setting("job_folder", job.job_folder.string());
  text += fmt::format("requeue={}\nrequeue_limit={}\nrequeue_on_failure={}\n", s.requeue ? 1 : 0, s.requeue_limit,
                      s.requeue_on_failure);
  text += array_of("modules", s.modules) + array_of("launch", launch_words(job)) +
          array_of("command", {job.program.string(), job.verb, job.config_file.string()}) + exports(job) +
          task_function(job);
  text.pop_back();
  return text;
}

void replace_line(std::string& text, const std::string& marker, const std::string& by) {
  const size_t at = text.find(marker);
  PEAR_ASSERT(at != std::string::npos);
  text.replace(at, marker.size(), by);
}

}  // namespace

std::string shell_word(const std::string& text) {
  const auto is_safe = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("_./=:,+@%^-").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!text.empty() && text.front() != '=' && std::all_of(text.begin(), text.end(), is_safe)) return text;
  const auto needs_escape = [](unsigned char c) {
    return std::iscntrl(c) != 0 || std::string_view("'\\$`").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (std::none_of(text.begin(), text.end(), needs_escape)) return "'" + text + "'";
  std::string word = "$'";
  for (const char c : text) {
    if (c == '\'' || c == '\\')
      word += std::string("\\") + c;
    else if (std::iscntrl(static_cast<unsigned char>(c)) != 0)
      word += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      word += c;
  }
  return word + "'";
}

std::string render_job_script(const JobScript& job) {
  std::string text = kJobTemplate;
  replace_line(text, "# <directives>", directives(job));
  replace_line(text, "# <origin>", fmt::format("# Written by pear {} (pear submit).", kVersion));
  replace_line(text, "# <settings>", settings(job));
  return text;
}

std::string slurm_duration(Duration d) {
  const int64_t s = d.seconds;
  return fmt::format("{}-{:02}:{:02}:{:02}", s / 86400, s / 3600 % 24, s / 60 % 60, s % 60);
}

std::vector<std::pair<std::string, std::string>> captured_environment(const std::vector<std::string>& patterns) {
  std::map<std::string, std::string> found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name(text.substr(0, equals));
    const bool wanted = std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
      return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1)) : name == pattern;
    });
    const bool is_name =
        std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
    if (wanted && is_name) found.emplace(name, text.substr(equals + 1));
  }
  return {found.begin(), found.end()};
}

}  // namespace pear::forecast
