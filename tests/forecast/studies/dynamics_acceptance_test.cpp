#include "forecast/studies/dynamics_acceptance.h"

#include <gtest/gtest.h>

#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/signals.h"
#include "tests/base/scratch_folder.h"
#include "tests/forecast/dynamics/dynamics_fixture.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;

class DynamicsAcceptance : public test::ScratchFolder {};

AcceptanceRequest request_for(const fs::path& folder, std::vector<std::string> cases, double days) {
  AcceptanceRequest r{.experiment = {}, .run_dir = folder};
  r.experiment.cases = std::move(cases);
  r.experiment.truncation = 21, r.experiment.layers = 5, r.experiment.days = days;
  return r;
}

TEST(AcceptanceSetups, DefaultToThoseOfTheAcceptanceValues) {
  AcceptanceRequest r;
  const auto setups = acceptance_setups(r);
  ASSERT_EQ(setups.size(), 7u);
  EXPECT_EQ(setups[0].label(), "steady_T42L20_5d_900s");
  EXPECT_EQ(setups[1].label(), "baroclinic_wave_T42L20_9d_900s");
  EXPECT_EQ(setups[3].label(), "held_suarez_T42L10_500d_spin200d_1800s");
  EXPECT_EQ(setups[3].spin_up_days, 200);
}

TEST(AcceptanceSetups, AdiabaticTimeStepsDivideSixHours) {
  EXPECT_EQ(adiabatic_time_step(21), 1800);
  EXPECT_EQ(adiabatic_time_step(42), 900);
  EXPECT_EQ(adiabatic_time_step(63), 600);
  for (int64_t n = 10; n <= 213; ++n) {
    const double count = 21600 / adiabatic_time_step(n);
    EXPECT_NEAR(count, std::round(count), 1e-9) << n;
  }
}

TEST(ExperimentConfig, NonsenseIsRefusedByKey) {
  ExperimentConfig c;
  c.cases.clear(), c.truncation = 5, c.layers = 1, c.days = -1, c.time_step = 1000, c.spin_up_days = -2;
  ConfigIssues issues;
  c.validate(issues, "experiment");
  EXPECT_EQ(issues.issues().size(), 6u);
}

TEST(Measure, IsJudgedOnlyWithinLimits) {
  EXPECT_FALSE((Measure{.quantity = "a", .unit = "1", .value = 3}.is_judged()));
  EXPECT_TRUE((Measure{.quantity = "a", .unit = "1", .value = 3, .low = 2, .high = 4}.passes()));
  EXPECT_FALSE((Measure{.quantity = "a", .unit = "1", .value = 5, .low = 2, .high = 4}.passes()));
  EXPECT_FALSE((Measure{.quantity = "a", .unit = "1", .low = 2}.passes()));  // NaN
}

TEST_F(DynamicsAcceptance, WritesItsFilesAndDoesNotRepeatAFinishedCase) {
  const auto request = request_for(folder, {"steady", "rossby_haurwitz"}, 1);
  const auto first = run_dynamics_acceptance(request);
  EXPECT_TRUE(first.repeated.empty());
  for (const char* name : {"acceptance.json", "acceptance.csv", "cases/steady_T21L5_1d_1800s.json",
                           "steady_T21L5_1d_1800s_l2.svg", "rossby_haurwitz_T21L5_1d_1800s_phase.svg"})
    EXPECT_TRUE(fs::exists(folder / name)) << name;
  EXPECT_NE(first.table.find("phase speed"), std::string::npos);
  const auto record = nlohmann::json::parse(read_text(folder / "acceptance.json"));
  EXPECT_EQ(record.at("cases").size(), 2u);
  const double speed = record["cases"][1]["measures"][0]["value"];
  EXPECT_GT(speed, 10);  // deg/day; 12.2 without divergence
  EXPECT_LT(speed, 13);

  const auto again = run_dynamics_acceptance(request);
  EXPECT_EQ(again.repeated.size(), 2u);
  EXPECT_EQ(again.table, first.table);
  auto other = request;
  other.seed = 2;
  EXPECT_TRUE(run_dynamics_acceptance(other).repeated.empty());
}

TEST_F(DynamicsAcceptance, EveryCaseRunsAtLowResolution) {
  auto request = request_for(folder, ExperimentConfig{}.cases, 1);
  request.experiment.truncation = 10, request.experiment.spin_up_days = 0;
  const auto r = run_dynamics_acceptance(request);
  EXPECT_EQ(r.record.at("cases").size(), 7u);
  int pictures = 0;
  for (const auto& path : r.outputs) {
    if (path.extension() != ".svg") continue;
    ++pictures;
    EXPECT_NE(read_text(path).find("</svg>"), std::string::npos) << path;
  }
  EXPECT_EQ(pictures, 8);
}

TEST_F(DynamicsAcceptance, AStopKeepsFinishedCases) {
  const auto request = request_for(folder, {"steady"}, 1);
  request_stop();
  EXPECT_THROW(run_dynamics_acceptance(request), StoppedBySignal);
  clear_stop_request();
  EXPECT_FALSE(fs::exists(folder / "acceptance.json"));
}

TEST_F(DynamicsAcceptance, LengthsThatTheStepDoesNotDivideAreRefused) {
  auto request = request_for(folder, {"reproducibility"}, 0.7);
  try {
    run_dynamics_acceptance(request);
    FAIL() << "accepted";
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.code(), "BadTimeStep");
  }
}

}  // namespace
}  // namespace pear::forecast
