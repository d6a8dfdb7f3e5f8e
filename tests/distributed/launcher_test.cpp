#include "distributed/launcher.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"

namespace pear::distributed {
namespace {

Environment environment(std::map<std::string, std::string> variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    if (it == variables.end()) return std::nullopt;
    return it->second;
  };
}

TEST(Launcher, AProcessWithoutALauncherIsAlone) {
  const Launch launch = detect_launch(environment({}));
  EXPECT_EQ(launch.launcher, "single");
  EXPECT_EQ(launch.size, 1);
  EXPECT_NO_THROW(require_single_process(launch));
}

TEST(Launcher, OpenMpiAndSlurmAreRecognised) {
  const Launch mpi = detect_launch(environment(
      {{"OMPI_COMM_WORLD_RANK", "3"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}}));
  EXPECT_EQ(mpi.launcher, "openmpi");
  EXPECT_EQ(mpi.rank, 3);
  EXPECT_EQ(mpi.local_rank, 1);
  const Launch slurm =
      detect_launch(environment({{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_LOCALID", "0"}}));
  EXPECT_EQ(slurm.launcher, "slurm");
  EXPECT_EQ(slurm.size, 2);
}

TEST(Launcher, TheExplicitEnvironmentWinsOnlyWhenItIsComplete) {
  std::map<std::string, std::string> both{{"RANK", "1"},        {"WORLD_SIZE", "2"},   {"LOCAL_RANK", "1"},
                                          {"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_LOCALID", "0"}};
  EXPECT_EQ(detect_launch(environment(both)).launcher, "slurm");
  both["MASTER_ADDR"] = "localhost";
  both["MASTER_PORT"] = "29500";
  EXPECT_EQ(detect_launch(environment(both)).launcher, "explicit");
}

TEST(Launcher, NonsenseIsNamed) {
  try {
    detect_launch(environment({{"SLURM_PROCID", "x"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_LOCALID", "0"}}));
    FAIL() << "no error";
  } catch (const CommError& e) {
    EXPECT_EQ(e.code(), "BadLauncherEnvironment");
    EXPECT_NE(std::string(e.what()).find("SLURM_PROCID"), std::string::npos);
  }
  EXPECT_THROW(detect_launch(environment({{"SLURM_PROCID", "2"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_LOCALID", "0"}})),
               CommError);
}

TEST(Launcher, SeveralCopiesAreRefused) {
  EXPECT_THROW(require_single_process({"openmpi", 1, 4, 1}), CommError);
}

TEST(Launcher, TheMpiVersionIsNamed) { EXPECT_FALSE(mpi_version().empty()); }

}  // namespace
}  // namespace pear::distributed
