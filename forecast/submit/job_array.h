// One submission as several tasks: seeds side by side, or the initial times of the forecasts in shares.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/time.h"
#include "forecast/submit/job_script.h"

namespace pear::forecast {

/// `key="value"` with the value quoted for the YAML reader of the command line.
std::string override_word(const std::string& key, const std::string& value);

/// `seeds=1..3` or `seeds=1,4,7`: each task is a run of its own in RUN/seed_<n>.
/// `inits` or `inits=N`: the initial times, one a task or in N shares of neighbours; all tasks write into RUN.
///
/// Errors:  ConfigError `BadArray`, also for more than 1000 tasks.
std::vector<JobTask> array_tasks(const std::string& spec, const std::filesystem::path& run_folder,
                                 const std::vector<Time>& inits);

}  // namespace pear::forecast
