// The long acceptance runs; minutes each.
#include <gtest/gtest.h>

#include "forecast/studies/dynamics_acceptance.h"
#include "tests/base/scratch_folder.h"
#include "tests/forecast/dynamics/dynamics_fixture.h"

namespace pear::forecast {
namespace {

class DynamicsAcceptanceRuns : public test::ScratchFolder {};

void expect_accepted(const std::filesystem::path& folder, const std::string& name, const ExperimentConfig& how = {}) {
  AcceptanceRequest request{.experiment = how, .run_dir = folder};
  request.experiment.cases = {name};
  const auto r = run_dynamics_acceptance(request);
  EXPECT_EQ(r.num_failed, 0) << r.table;
  int judged = 0;
  for (const auto& m : r.record["cases"][0]["measures"]) judged += m["verdict"] != "-";
  EXPECT_GT(judged, 0);
}

TEST_F(DynamicsAcceptanceRuns, JetsStaySteadyAtT42) { expect_accepted(folder, "steady"); }
TEST_F(DynamicsAcceptanceRuns, BaroclinicWaveDeepensAsMeasuredAtT42) { expect_accepted(folder, "baroclinic_wave"); }
TEST_F(DynamicsAcceptanceRuns, RossbyHaurwitzWaveKeepsItsSpeed) { expect_accepted(folder, "rossby_haurwitz"); }
TEST_F(DynamicsAcceptanceRuns, MassEnergyAndAngularMomentumHoldForTenDays) { expect_accepted(folder, "conservation"); }
TEST_F(DynamicsAcceptanceRuns, BitsAreReproducible) { expect_accepted(folder, "reproducibility"); }
TEST_F(DynamicsAcceptanceRuns, ErrorsDoubleInDays) { expect_accepted(folder, "error_growth"); }
TEST_F(DynamicsAcceptanceRuns, HeldSuarezHasItsJetsAtT31) {
  ExperimentConfig how;
  how.truncation = 31, how.layers = 8, how.days = 300, how.spin_up_days = 100;
  expect_accepted(folder, "held_suarez", how);
}

}  // namespace
}  // namespace pear::forecast
