// How this process was started: by SLURM, by Open MPI, by an explicit environment, or alone.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace pear::distributed {

/// What the launcher says about this process.
struct Launch {
  std::string launcher = "single";  ///< explicit | openmpi | slurm | single
  int rank = 0;
  int size = 1;
  int local_rank = 0;
};

/// Looks up one environment variable; empty when it is unset.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// First complete match wins: explicit (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT), Open MPI
/// (OMPI_COMM_WORLD_*), SLURM (SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID), single. SLURM_NTASKS is not asked:
/// it is also set in a batch script, which runs once whatever the number of tasks.
///
/// Errors: CommError `BadLauncherEnvironment` when a variable is no number or the rank lies outside the size.
Launch detect_launch(const Environment& environment);
Launch detect_launch();

/// For what works in one process only: copies started side by side would write the same files.
///
/// Errors: CommError `TooManyProcesses` when the launcher started more than one.
void require_single_process(const Launch& launch);

/// "Open MPI v4.1.4", or "none" in a build without MPI.
std::string mpi_version();

}  // namespace pear::distributed
