#include "distributed/launcher.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

#include "base/error.h"

namespace pear::distributed {
namespace {

constexpr const char* kWhere = "distributed.launcher";

int number(const std::string& name, const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw CommError("BadLauncherEnvironment", kWhere,
                    {.what = "environment variable " + name,
                     .expected = "a whole number",
                     .found = "'" + text + "'",
                     .hint = "start the program with srun, mpirun or alone"});
  return value;
}

std::optional<Launch> from_variables(const Environment& environment, const std::string& launcher,
                                     const std::string& rank, const std::string& size, const std::string& local) {
  const auto r = environment(rank), n = environment(size), l = environment(local);
  if (!r || !n || !l) return std::nullopt;
  const Launch launch{launcher, number(rank, *r), number(size, *n), number(local, *l)};
  if (launch.size < 1 || launch.rank < 0 || launch.rank >= launch.size)
    throw CommError("BadLauncherEnvironment", kWhere,
                    {.what = fmt::format("{}={} with {}={}", rank, *r, size, *n), .expected = "0 <= rank < size"});
  return launch;
}

}  // namespace

Launch detect_launch(const Environment& environment) {
  if (environment("MASTER_ADDR") && environment("MASTER_PORT"))
    if (auto launch = from_variables(environment, "explicit", "RANK", "WORLD_SIZE", "LOCAL_RANK")) return *launch;
  if (auto launch = from_variables(environment, "openmpi", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                                   "OMPI_COMM_WORLD_LOCAL_RANK"))
    return *launch;
  if (auto launch = from_variables(environment, "slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"))
    return *launch;
  return {};
}

Launch detect_launch() {
  return detect_launch([](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  });
}

void require_single_process(const Launch& launch) {
  if (launch.size == 1) return;
  throw CommError("TooManyProcesses", kWhere,
                  {.what = fmt::format("{} started {} processes", launch.launcher, launch.size),
                   .expected = "one process",
                   .found = fmt::format("rank {} of {}", launch.rank, launch.size),
                   .hint = "only pear train, forecast and score run on several processes; start this one without "
                           "mpirun or with -n 1"});
}

}  // namespace pear::distributed
