#include "forecast/submit/job_status.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <sstream>

#include "base/error.h"
#include "base/process.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) lines.push_back(line);
  return lines;
}

int64_t number_or(const std::string& text, int64_t otherwise) {
  int64_t value = otherwise;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : otherwise;
}

/// Output of a program that may be missing or may not know the job.
std::string answer_of(const std::vector<std::string>& words) {
  try {
    const ProcessResult result = run_process(words, std::chrono::seconds(30));
    return result.exit_code == 0 ? result.output : "";
  } catch (const DataError&) {
    return "";
  }
}

std::vector<QueueState> ask_queue(const std::string& job) {
  auto states = parse_scontrol(answer_of({"scontrol", "--oneliner", "show", "job", job}));
  if (states.empty())
    states = parse_sacct(answer_of(
        {"sacct", "--jobs=" + job, "--allocations", "--noheader", "--parsable2", "--format=JobID,State,Elapsed"}));
  if (states.empty()) states.push_back({.job = job, .task = "", .state = "unknown", .reason = "", .run_time = ""});
  return states;
}

std::string mark_in(const fs::path& folder, const std::string& task) {
  const std::string prefix = task.empty() ? "" : "task-" + task + ".";
  for (const char* mark : {"DONE", "STOPPED"})
    if (fs::exists(folder / (prefix + mark))) return mark;
  return "";
}

}  // namespace

std::vector<QueueState> parse_scontrol(std::string_view text) {
  std::vector<QueueState> states;
  for (const std::string& line : lines_of(text)) {
    std::map<std::string, std::string> fields;
    std::istringstream in(line);
    for (std::string word; in >> word;)
      if (const size_t equals = word.find('='); equals != std::string::npos)
        fields.try_emplace(word.substr(0, equals), word.substr(equals + 1));
    if (!fields.contains("JobState")) continue;
    QueueState state{.job = fields["JobId"],
                     .task = fields["ArrayTaskId"],
                     .state = fields["JobState"],
                     .reason = fields["Reason"] == "None" ? "" : fields["Reason"],
                     .run_time = fields["RunTime"],
                     .restarts = number_or(fields["Restarts"], 0)};
    if (!state.task.empty()) state.job = fields["ArrayJobId"] + "_" + state.task;
    states.push_back(state);
  }
  return states;
}

std::vector<QueueState> parse_sacct(std::string_view text) {
  std::vector<QueueState> states;
  for (const std::string& line : lines_of(text)) {
    const size_t first = line.find('|');
    const size_t second = first == std::string::npos ? first : line.find('|', first + 1);
    if (second == std::string::npos) continue;
    QueueState state{.job = line.substr(0, first),
                     .task = "",
                     .state = line.substr(first + 1, second - first - 1),
                     .reason = "",
                     .run_time = line.substr(second + 1)};
    if (const size_t under = state.job.find('_'); under != std::string::npos) state.task = state.job.substr(under + 1);
    states.push_back(state);
  }
  return states;
}

std::optional<int64_t> newest_step(const fs::path& run_folder) {
  std::optional<int64_t> newest;
  std::error_code ignored;
  const std::string prefix = "step_";
  for (const auto& entry : fs::directory_iterator(run_folder / "checkpoints", ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !fs::exists(entry.path() / "MANIFEST.json")) continue;
    if (const int64_t step = number_or(name.substr(prefix.size()), -1); step >= 0 && (!newest || step > *newest))
      newest = step;
  }
  return newest;
}

std::vector<JobStatus> job_status(const fs::path& run_folder) {
  std::vector<JobStatus> all;
  for (const JobRecord& record : read_records(run_folder)) {
    for (const QueueState& queue : ask_queue(record.job)) {
      JobStatus status{.record = record, .queue = queue, .step = std::nullopt, .mark = ""};
      const int64_t task = number_or(queue.task, -1);
      const bool is_task = task >= 0 && task < static_cast<int64_t>(record.task_folders.size());
      const fs::path folder = is_task ? fs::path(record.task_folders[static_cast<size_t>(task)]) : run_folder;
      if (record.verb == "train") status.step = newest_step(folder);
      status.mark = mark_in(run_folder / "slurm" / record.submission, is_task ? queue.task : "");
      all.push_back(std::move(status));
    }
  }
  return all;
}

std::string status_table(const std::vector<JobStatus>& jobs) {
  std::string text = fmt::format("{:<18} {:>10} {:>6} {:<14} {:>12} {:>8} {:>8}  {}\n", "submission", "job", "link",
                                 "state", "run time", "restarts", "step", "mark");
  for (const JobStatus& j : jobs)
    text += fmt::format("{:<18} {:>10} {:>6} {:<14} {:>12} {:>8} {:>8}  {}{}\n", j.record.submission, j.queue.job,
                        fmt::format("{}/{}", j.record.link, j.record.num_links), j.queue.state, j.queue.run_time,
                        j.queue.restarts, j.step ? std::to_string(*j.step) : "-", j.mark,
                        j.queue.state == "PENDING" && !j.queue.reason.empty() ? "(" + j.queue.reason + ")" : "");
  return text;
}

}  // namespace pear::forecast
