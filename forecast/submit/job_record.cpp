#include "forecast/submit/job_record.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;

fs::path list_of(const fs::path& run_folder) { return run_folder / "jobs.jsonl"; }

JobRecord from_json(const nlohmann::json& line) {
  JobRecord record;
  record.submission = line.at("submission").get<std::string>();
  record.job = line.at("job").get<std::string>();
  record.verb = line.at("verb").get<std::string>();
  record.submitted = line.at("submitted").get<std::string>();
  record.link = line.at("link").get<int64_t>();
  record.num_links = line.at("links").get<int64_t>();
  record.task_folders = line.at("task_folders").get<std::vector<std::string>>();
  return record;
}

}  // namespace

void append_record(const fs::path& run_folder, const JobRecord& record) {
  const nlohmann::json line = {{"submission", record.submission},    {"job", record.job},   {"verb", record.verb},
                               {"submitted", record.submitted},      {"link", record.link}, {"links", record.num_links},
                               {"task_folders", record.task_folders}};
  const fs::path path = list_of(run_folder);
  {
    std::ofstream out(path, std::ios::app);
    out << line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    out.flush();
    if (!out) throw DataError("WriteFailed", "submit", {.what = "cannot write to " + path.string()});
  }
  sync_path(path);
}

std::vector<JobRecord> read_records(const fs::path& run_folder) {
  const fs::path path = list_of(run_folder);
  std::vector<JobRecord> records;
  if (!fs::exists(path)) return records;
  std::istringstream in(read_text(path));
  std::string text;
  for (int number = 1; std::getline(in, text); ++number) {
    try {
      records.push_back(from_json(parse_json(text)));
    } catch (const nlohmann::json::exception&) {
      throw DataError("BadJobList", "submit",
                      {.what = fmt::format("{}:{} is no record of a job", path.string(), number),
                       .hint = "remove the line; the job itself is not touched by that"});
    }
  }
  return records;
}

}  // namespace pear::forecast
