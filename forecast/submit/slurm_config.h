// The `slurm` section: how a job of a run is submitted. No result depends on it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/config/field.h"
#include "base/time.h"

namespace pear::forecast {

/// Section `slurm`; a site profile (configs/machine/<site>.yaml) holds this section alone.
struct SlurmConfig {
  std::string site;
  std::string partition, account, qos, constraint, memory, dependency;
  int64_t nodes = 1, tasks_per_node = 1, cpus_per_task = 1, gpus_per_node = 0;
  Duration time{0};
  Duration signal_lead{120};
  bool requeue = false;
  int64_t requeue_limit = 20;
  int64_t requeue_on_failure = 1;
  std::string launcher = "srun";
  std::string mpi = "pmix";
  std::vector<std::string> options;
  std::vector<std::string> modules;
  std::map<std::string, std::string> environment;
  std::vector<std::string> capture = {"PEAR_*", "OMP_*", "NCCL_*", "UCX_*", "OMPI_MCA_*"};
  Path container;
  std::vector<std::string> container_command = {"apptainer", "exec", "--nv"};
  Path scratch;
  Path program;

  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("site", site, {.doc = "site profile: a name in configs/machine, or the path of a YAML file"});
    visit("partition", partition, {.doc = "partition (queue); empty: the site's default"});
    visit("account", account, {.doc = "account that is charged"});
    visit("qos", qos, {.doc = "quality of service"});
    visit("constraint", constraint, {.doc = "features that the nodes must have"});
    visit("memory", memory, {.doc = "memory per node, e.g. 64G; empty: the site's default"});
    visit("dependency", dependency, {.doc = "start after other jobs, e.g. afterok:1234"});
    visit("nodes", nodes, {.doc = "nodes; verbs that are made for one process always take one"});
    visit("tasks_per_node", tasks_per_node, {.doc = "processes per node, with GPUs one for each"});
    visit("cpus_per_task", cpus_per_task, {.doc = "processor cores per process, also its number of threads"});
    visit("gpus_per_node", gpus_per_node, {.doc = "GPUs per node"});
    visit("time", time, {.doc = "time limit of one job; 0h: the site's default"});
    visit("signal_lead", signal_lead, {.doc = "the run is told to save and stop this long before its time limit"});
    visit("requeue", requeue, {.doc = "a stopped job goes back into the queue until the run is done (as --requeue)"});
    visit("requeue_limit", requeue_limit, {.doc = "restarts after which a job stays ended"});
    visit("requeue_on_failure", requeue_on_failure, {.doc = "how many failures of one submission are tried again"});
    visit("launcher", launcher, {.doc = "what starts the processes", .choices = {"srun", "mpirun"}});
    visit("mpi", mpi, {.doc = "srun --mpi=...; none leaves the flag out"});
    visit("options", options, {.doc = "further options of sbatch, e.g. [--exclusive]"});
    visit("modules", modules, {.doc = "environment modules to load"});
    visit("environment", environment, {.doc = "variables to set in the job, by name"});
    visit(
        "capture", capture,
        {.doc = "variables of the submitting shell to write into the script; a * at the end takes all that begin so"});
    visit("container", container, {.doc = "container image in which the program runs"});
    visit("container_command", container_command, {.doc = "words before the image"});
    visit("scratch", scratch, {.doc = "folder for temporary files (TMPDIR), there on every node"});
    visit("program", program, {.doc = "the program on the nodes (default: this one)"});
  }
  void validate(ConfigIssues& issues, const std::string& path) const;
};

/// What a site profile file may hold.
struct SiteProfile {
  SlurmConfig slurm;
  template <class Visitor>
  void visit_fields(Visitor&& visit) {
    visit("slurm", slurm, {.doc = "how jobs are submitted at this site"});
  }
};

}  // namespace pear::forecast
