#include "forecast/submit/job_array.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/error.h"

namespace pear::forecast {
namespace {

constexpr int64_t kMostTasks = 1000;

[[noreturn]] void bad_array(const std::string& spec, const std::string& why) {
  throw ConfigError(
      "BadArray", "submit",
      {.what = fmt::format("--array {}: {}", spec, why), .expected = "seeds=1..3, seeds=1,4,7, inits or inits=8"});
}

int64_t number(const std::string& spec, std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0)
    bad_array(spec, fmt::format("'{}' is no whole number", text));
  return value;
}

void require_few(const std::string& spec, int64_t count) {
  if (count < 1 || count > kMostTasks)
    bad_array(spec, fmt::format("{} tasks, between 1 and {} can be", count, kMostTasks));
}

std::vector<int64_t> seeds_of(const std::string& spec, std::string_view text) {
  std::vector<int64_t> seeds;
  if (const size_t dots = text.find(".."); dots != std::string_view::npos) {
    const int64_t first = number(spec, text.substr(0, dots)), last = number(spec, text.substr(dots + 2));
    if (last < first) bad_array(spec, "the last seed is below the first");
    require_few(spec, last - first >= kMostTasks ? kMostTasks + 1 : last - first + 1);
    for (int64_t seed = first; seed <= last; ++seed) seeds.push_back(seed);
    return seeds;
  }
  while (true) {
    const size_t comma = text.find(',');
    seeds.push_back(number(spec, text.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  require_few(spec, static_cast<int64_t>(seeds.size()));
  if (std::set<int64_t>(seeds.begin(), seeds.end()).size() != seeds.size()) bad_array(spec, "a seed is named twice");
  return seeds;
}

std::vector<JobTask> seed_tasks(const std::vector<int64_t>& seeds, const std::filesystem::path& run_folder) {
  std::vector<JobTask> tasks;
  for (const int64_t seed : seeds) {
    const auto folder = run_folder / fmt::format("seed_{}", seed);
    tasks.push_back({{fmt::format("run.seed={}", seed), override_word("run.dir", folder.string())}, folder});
  }
  return tasks;
}

std::vector<JobTask> init_tasks(const std::vector<Time>& inits, int64_t count,
                                const std::filesystem::path& run_folder) {
  std::vector<JobTask> tasks;
  const auto total = static_cast<int64_t>(inits.size());
  for (int64_t i = 0; i < count; ++i) {
    std::vector<std::string> times;
    for (int64_t k = i * total / count; k < (i + 1) * total / count; ++k)
      times.push_back(format_time(inits[static_cast<size_t>(k)]));
    tasks.push_back({{fmt::format("forecast.init=[{}]", fmt::join(times, ", "))}, run_folder});
  }
  return tasks;
}

}  // namespace

std::string override_word(const std::string& key, const std::string& value) {
  std::string quoted;
  for (const char c : value) {
    if (c == '"' || c == '\\')
      quoted += std::string("\\") + c;
    else if (static_cast<unsigned char>(c) < 0x20)
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      quoted += c;
  }
  return fmt::format("{}=\"{}\"", key, quoted);
}

std::vector<JobTask> array_tasks(const std::string& spec, const std::filesystem::path& run_folder,
                                 const std::vector<Time>& inits) {
  const size_t equals = spec.find('=');
  const std::string kind = spec.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : spec.substr(equals + 1);
  if (kind == "seeds" && !value.empty()) return seed_tasks(seeds_of(spec, value), run_folder);
  if (kind != "inits" || (value.empty() && equals != std::string::npos)) bad_array(spec, "unknown form");
  if (inits.empty()) bad_array(spec, "the configuration names no initial time (forecast.init or data.test)");
  const auto total = static_cast<int64_t>(inits.size());
  const int64_t count = value.empty() ? total : std::min(number(spec, value), total);
  require_few(spec, count);
  return init_tasks(inits, count, run_folder);
}

}  // namespace pear::forecast
