#include "forecast/rollout/rollout.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/error.h"
#include "base/signals.h"
#include "io/forecast_file.h"
#include "tests/forecast/verify/fake_store.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;

float start_value(size_t variable, size_t level, Time t, int64_t cell) {
  return static_cast<float>((t - parse_time("2018-10-01")).hours() + static_cast<double>(cell) +
                            1000 * static_cast<double>(variable) + 100 * static_cast<double>(level));
}

/// Adds `increment` in each step; may turn bad, kill the process or ask for a stop after some steps.
class AddModel : public ForecastModel {
 public:
  explicit AddModel(float increment) : increment_(increment) {
    layout_ = {sphere::Grid::from_spec("healpix:2"), {"t2m"}, {"z"}, {500, 850}};
  }
  std::string name() const override { return "add"; }
  const StateLayout& layout() const override { return layout_; }
  Duration step_length() const override { return hours(6); }
  State step(const State& state, Time) override {
    if (++steps == kill_at) raise(SIGKILL);
    if (steps == stop_at) request_stop();
    State next{state.surface + increment_, state.upper + increment_};
    if (steps == bad_at) next.upper[0][0][1][5] = std::numeric_limits<float>::quiet_NaN();
    return next;
  }
  int steps = 0, kill_at = -1, bad_at = -1, stop_at = -1;

 private:
  float increment_;
  StateLayout layout_;
};

class RolloutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    clear_stop_request();
    dir_ = fs::temp_directory_path() /
           ("pear_rollout_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(dir_);
    io::StoreLayout l;
    l.grid = sphere::Grid::from_spec("healpix:2");
    // The store's levels stand in another order than the model's.
    l.variables = {{"t2m", "K", {}}, {"z", "m2 s-2", {850, 500}}};
    l.times = test::every("2018-10-01", hours(6), 8);
    request_.store = std::make_shared<test::FakeStore>(l, start_value);
    request_.run_dir = dir_;
    request_.config.init.list = test::every("2018-10-01", hours(12), 3);
    request_.config.lead = hours(24);
    request_.config.every = hours(12);
  }
  void TearDown() override {
    clear_stop_request();
    fs::remove_all(dir_);
  }
  std::vector<float> read(const fs::path& file, size_t lead, size_t variable) const {
    std::vector<float> out(variable == 0 ? 48 : 96);
    io::ForecastFile::open(file)->read(lead, variable, out);
    return out;
  }
  std::string code_of(ForecastModel& model) {
    try {
      rollout(model, request_);
    } catch (const Error& error) {
      message_ = error.what();
      return error.code();
    }
    return "";
  }
  fs::path dir_;
  RolloutRequest request_;
  std::string message_;
};

TEST_F(RolloutTest, StepsAddUpAndLevelsAreFoundByValue) {
  AddModel model(0.5f);
  request_.config.write_initial = true;
  const auto r = rollout(model, request_);
  EXPECT_EQ(r.num_written, 3);
  EXPECT_EQ(r.leads, (std::vector<Duration>{{0}, hours(12), hours(24)}));
  EXPECT_EQ(r.files[1], dir_ / "forecasts" / "add" / "20181001T12.nc");
  EXPECT_EQ(model.steps, 12);
  const auto t2m = read(r.files[1], 2, 0);
  const auto z = read(r.files[1], 0, 1);
  for (size_t i = 0; i < 48; ++i) {
    EXPECT_EQ(t2m[i], 12 + static_cast<float>(i) + 4 * 0.5f);
    EXPECT_EQ(z[i], 12 + static_cast<float>(i) + 1000 + 100);  // 500 hPa is the store's second level
    EXPECT_EQ(z[48 + i], 12 + static_cast<float>(i) + 1000);
  }
}

TEST_F(RolloutTest, PersistenceKeepsTheInitialState) {
  AddModel still(0);
  const auto r = rollout(still, request_);
  const auto t2m = read(r.files[2], 1, 0);
  for (size_t i = 0; i < 48; ++i) EXPECT_EQ(t2m[i], 24 + static_cast<float>(i));
}

TEST_F(RolloutTest, BadLeadsNameTheKey) {
  AddModel model(1);
  request_.config.lead = {0};
  EXPECT_EQ(code_of(model), "BadLead");
  EXPECT_NE(message_.find("forecast.lead"), std::string::npos);
  request_.config.lead = hours(-6);
  EXPECT_EQ(code_of(model), "BadLead");
  request_.config.lead = hours(24);
  request_.config.every = hours(9);
  EXPECT_EQ(code_of(model), "BadLead");
  EXPECT_NE(message_.find("forecast.every"), std::string::npos);
}

TEST_F(RolloutTest, AMissingInitialTimeIsFoundBeforeAnyWork) {
  AddModel model(1);
  request_.config.init.list.push_back(parse_time("2018-12-24"));
  EXPECT_EQ(code_of(model), "MissingTime");
  EXPECT_EQ(model.steps, 0);
}

TEST_F(RolloutTest, NonFiniteValuesAreLocated) {
  AddModel model(1);
  model.bad_at = 2;
  EXPECT_EQ(code_of(model), "NonFinite");
  for (const char* part : {"z at 850 hPa", "cell 5 ", "lead 12h"})
    EXPECT_NE(message_.find(part), std::string::npos) << part;
  EXPECT_FALSE(fs::exists(dir_ / "forecasts" / "add" / "20181001T00.nc"));
}

TEST_F(RolloutTest, CompleteFilesAreSkippedAndOthersRefused) {
  AddModel model(1);
  rollout(model, request_);
  AddModel again(1);
  const auto r = rollout(again, request_);
  EXPECT_EQ(r.num_skipped, 3);
  EXPECT_EQ(again.steps, 0);
  request_.model_id = "other weights";
  EXPECT_EQ(code_of(again), "ResultExists");
  request_.overwrite = true;
  EXPECT_EQ(rollout(again, request_).num_written, 3);
}

TEST_F(RolloutTest, AStopRequestEndsBetweenStepsAndTheRunGoesOn) {
  AddModel model(1);
  model.stop_at = 6;
  EXPECT_THROW(rollout(model, request_), StoppedBySignal);
  EXPECT_TRUE(fs::exists(dir_ / "forecasts" / "add" / "20181001T00.nc"));
  EXPECT_FALSE(fs::exists(dir_ / "forecasts" / "add" / "20181001T12.nc"));
  clear_stop_request();
  AddModel again(1);
  EXPECT_EQ(rollout(again, request_).num_written, 2);
}

TEST_F(RolloutTest, AKilledRunGoesOnToTheSameFields) {
  const pid_t child = fork();
  if (child == 0) {
    AddModel model(1);
    model.kill_at = 7;
    rollout(model, request_);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  AddModel model(1);
  const auto r = rollout(model, request_);
  EXPECT_EQ(r.num_skipped, 1);
  EXPECT_EQ(r.num_written, 2);
  RolloutRequest whole = request_;
  whole.run_dir = dir_ / "whole";
  const auto w = rollout(model, whole);
  for (size_t i = 0; i < 3; ++i)
    for (size_t lead = 0; lead < 2; ++lead)
      for (size_t v = 0; v < 2; ++v) EXPECT_EQ(read(r.files[i], lead, v), read(w.files[i], lead, v));
}

}  // namespace
}  // namespace pear::forecast
