#include "forecast/submit/slurm_config.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace pear::forecast {
namespace {

bool is_plain(unsigned char c) {
  return std::isgraph(c) != 0 && std::string_view("\"'\\#`$;").find(static_cast<char>(c)) == std::string_view::npos;
}

/// sbatch reads these from comment lines with a grammar of its own: only what needs no quotes.
bool is_plain_word(const std::string& word) { return std::all_of(word.begin(), word.end(), is_plain); }

bool is_variable_name(const std::string& name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

bool is_memory(const std::string& text) {
  const size_t digits = text.find_first_not_of("0123456789");
  if (digits == std::string::npos) return true;
  return digits > 0 && digits + 1 == text.size() &&
         std::string_view("KMGT").find(text[digits]) != std::string_view::npos;
}

}  // namespace

void SlurmConfig::validate(ConfigIssues& issues, const std::string& path) const {
  const std::initializer_list<std::pair<const char*, const std::string*>> words{
      {".partition", &partition},   {".account", &account},       {".qos", &qos},
      {".constraint", &constraint}, {".dependency", &dependency}, {".mpi", &mpi}};
  for (const auto& [key, word] : words)
    if (!is_plain_word(*word)) issues.add(path + key, "must be one word without quotes, found " + *word);
  if (!is_memory(memory)) issues.add(path + ".memory", "expected a number with K, M, G or T, found " + memory);
  const std::initializer_list<std::pair<const char*, int64_t>> counts{
      {".nodes", nodes}, {".tasks_per_node", tasks_per_node}, {".cpus_per_task", cpus_per_task}};
  for (const auto& [key, count] : counts)
    if (count < 1) issues.add(path + key, "must be at least 1");
  if (gpus_per_node < 0) issues.add(path + ".gpus_per_node", "must not be negative");
  if (requeue_limit < 0) issues.add(path + ".requeue_limit", "must not be negative");
  if (requeue_on_failure < 0) issues.add(path + ".requeue_on_failure", "must not be negative");
  if (time.seconds < 0) issues.add(path + ".time", "must not be negative");
  if (signal_lead.seconds < 0 || signal_lead.seconds > 65535)
    issues.add(path + ".signal_lead", "must be between 0s and 65535s");
  if (time.seconds > 0 && signal_lead >= time)
    issues.add(path + ".signal_lead", "must be shorter than slurm.time = " + format_duration(time));
  for (const std::string& option : options)
    if (!option.starts_with("--") || !is_plain_word(option))
      issues.add(path + ".options", "expected words such as --exclusive, found " + option);
  for (const std::string& module : modules)
    if (module.empty() || module.front() == '-') issues.add(path + ".modules", "no name of a module: " + module);
  for (const auto& [name, value] : environment)
    if (!is_variable_name(name)) issues.add(path + ".environment", "no name of a variable: " + name);
  for (const std::string& name : capture)
    if (!is_variable_name(name.ends_with('*') ? name.substr(0, name.size() - 1) : name))
      issues.add(path + ".capture", "no name of a variable: " + name);
}

}  // namespace pear::forecast
