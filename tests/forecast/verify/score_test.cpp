#include "forecast/verify/score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "base/error.h"
#include "forecast/verify/compare.h"
#include "forecast/verify/score_output.h"
#include "io/forecast_file.h"
#include "tests/forecast/verify/fake_store.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;
using test::FakeStore;

const Time kStart = parse_time("2018-10-01");
double hours_of(Time t) { return (t - kStart).hours(); }

/// Truth: hours since the start plus the cell; the level adds 100.
float truth_value(size_t, size_t level, Time t, int64_t cell) {
  return static_cast<float>(hours_of(t) + static_cast<double>(cell % 2) + 100 * static_cast<double>(level));
}

class ScoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() /
           ("pear_score_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(dir_);
    fs::create_directories(dir_ / "forecasts");
    request_.run_dir = dir_;
    request_.forecasts = {{"model", dir_ / "forecasts"}};
    request_.truth = store({});
    request_.climatology_period.list = test::every("2018-10-01", hours(6), 2);
    request_.climatology.by_hour = false;  // mean of 0 h and 6 h: 3 h
    request_.config.regions = {"global", "nh"};
    request_.config.metrics = {"rmse", "mae", "bias"};
    request_.config.bootstrap.samples = 50;
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::shared_ptr<const io::Store> store(std::set<Time> missing, const char* grid = "healpix:4") const {
    io::StoreLayout l;
    l.grid = sphere::Grid::from_spec(grid);
    l.variables = {{"t2m", "K", {}}, {"z", "m2 s-2", {850, 500}}};
    l.times = test::every("2018-10-01", hours(6), 12);
    return std::make_shared<FakeStore>(l, truth_value, missing);
  }
  /// A forecast with error `1 + step` everywhere (step 0, 1), from `first` on.
  void write_forecasts(int first, int count, float nan_at_first = 0, const std::string& provenance = "{}") const {
    const auto grid = sphere::Grid::from_spec("healpix:4");
    for (int i = first; i < first + count; ++i) {
      const Time init = kStart + hours(6 * i);
      auto file = io::ForecastFileWriter::create(dir_ / "forecasts" / (format_time_compact(init) + ".nc"), grid,
                                                 {{"t2m", "K", {}}, {"z", "m2 s-2", {850, 500}}}, init,
                                                 {hours(6), hours(12)}, provenance);
      for (size_t l = 0; l < 2; ++l)
        for (size_t v = 0; v < 2; ++v) {
          const size_t levels = v == 0 ? 1 : 2;
          std::vector<float> x(levels * 192);
          for (size_t k = 0; k < x.size(); ++k)
            x[k] = truth_value(v, k / 192, init + hours(6 * static_cast<int>(l + 1)), static_cast<int64_t>(k % 192)) +
                   1 + static_cast<float>(l);
          if (nan_at_first != 0 && v == 0) x[7] = nan_at_first;
          file->write(l, v, x);
        }
      file->commit();
    }
  }
  static const ScoreRow& find(const ScoreResult& r, const std::string& model, const std::string& variable,
                              const std::string& level, double lead, const std::string& metric,
                              const std::string& region = "global") {
    for (const auto& row : r.rows)
      if (row.model == model && row.variable == variable && row.level_hpa == level && row.lead_time_h == lead &&
          row.metric == metric && row.region == region)
        return row;
    throw std::runtime_error("no row");
  }
  fs::path dir_;
  ScoreRequest request_;
};

TEST_F(ScoreTest, GivesTheKnownErrorsOfModelPersistenceAndClimatology) {
  write_forecasts(0, 4);
  const auto r = score(request_);
  EXPECT_DOUBLE_EQ(find(r, "model", "t2m", "", 6, "rmse").value, 1);
  EXPECT_DOUBLE_EQ(find(r, "model", "z", "500", 12, "rmse", "nh").value, 2);
  EXPECT_DOUBLE_EQ(find(r, "persistence", "z", "850", 12, "bias").value, -12);
  // Climatology is 3 h + cell; truth at 6, 12, 18, 24 h: mean error -12.
  EXPECT_DOUBLE_EQ(find(r, "climatology", "t2m", "", 6, "bias").value, -12);
  EXPECT_DOUBLE_EQ(find(r, "climatology", "t2m", "", 6, "rmse").value, std::sqrt((9.0 + 81 + 225 + 441) / 4));
  const auto& row = find(r, "model", "t2m", "", 6, "mae");
  EXPECT_EQ(row.num_init, 4);
  EXPECT_EQ(row.unit, "K");
  EXPECT_DOUBLE_EQ(row.ci_low, 1);
  EXPECT_DOUBLE_EQ(row.ci_high, 1);
  EXPECT_EQ(row.definition_id.size(), 16u);
  EXPECT_NE(r.table.find("persistence"), std::string::npos);
  std::ifstream csv(dir_ / "scores.csv");
  std::string header;
  std::getline(csv, header);
  EXPECT_EQ(header,
            "model,variable,level_hpa,region,lead_time_h,metric,value,ci_low,ci_high,num_init,unit,definition_id");
}

TEST_F(ScoreTest, AMissingTruthRemovesThePairFromEveryModel) {
  write_forecasts(0, 4);
  request_.truth = store({kStart + hours(24)});
  const auto r = score(request_);
  ASSERT_EQ(r.missing.size(), 2u);  // 18 h from 6 h lead, 12 h from 12 h lead
  for (const char* model : {"model", "persistence", "climatology"}) {
    EXPECT_EQ(find(r, model, "t2m", "", 6, "rmse").num_init, 3) << model;
    EXPECT_EQ(find(r, model, "t2m", "", 12, "rmse").num_init, 3) << model;
  }
}

TEST_F(ScoreTest, RefusesOrSkipsMissingCells) {
  write_forecasts(0, 2, std::numeric_limits<float>::quiet_NaN());
  try {
    score(request_);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(error.code(), "NonFinite");
    EXPECT_NE(std::string(error.what()).find("t2m"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("cell 7"), std::string::npos);
  }
  request_.config.missing = "skip_cell";
  const auto r = score(request_);
  EXPECT_DOUBLE_EQ(find(r, "model", "t2m", "", 6, "rmse").value, 1);
  ASSERT_FALSE(r.warnings.empty());
  EXPECT_NE(r.warnings.back().find("cover"), std::string::npos);
}

TEST_F(ScoreTest, OtherGridsAreNamed) {
  write_forecasts(0, 1);
  request_.truth = store({}, "healpix:8");
  try {
    score(request_);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(error.code(), "GridMismatch");
    EXPECT_NE(std::string(error.what()).find("healpix:8"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("healpix:4"), std::string::npos);
  }
}

TEST_F(ScoreTest, IsUpToDateForTheSameRequestAndRefusesAnother) {
  write_forecasts(0, 3);
  EXPECT_FALSE(score(request_).up_to_date);
  const auto again = score(request_);
  EXPECT_TRUE(again.up_to_date);
  EXPECT_DOUBLE_EQ(find(again, "model", "t2m", "", 6, "rmse").value, 1);
  request_.config.metrics = {"rmse"};
  try {
    score(request_);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(error.code(), "ResultExists");
    EXPECT_NE(std::string(error.what()).find("run.overwrite=true"), std::string::npos);
  }
  request_.overwrite = true;
  EXPECT_FALSE(score(request_).up_to_date);
}

TEST_F(ScoreTest, WarnsOfTimesThatTheModelHasSeen) {
  write_forecasts(0, 3, 0, R"({"training_period":{"first":"2018-10-01T00:00:00Z","last":"2018-10-01T06:00:00Z"}})");
  const auto r = score(request_);
  ASSERT_FALSE(r.warnings.empty());
  EXPECT_NE(r.warnings[0].find("1 of 6 evaluation times lie in the training period"), std::string::npos);
}

TEST_F(ScoreTest, CompareRefusesOtherTimesUnlessTheyAreIntersected) {
  write_forecasts(0, 4);
  score(request_);
  const fs::path left = dir_;
  ScoreRequest other = request_;
  other.run_dir = dir_ / "other";
  fs::remove(dir_ / "forecasts" / (format_time_compact(kStart) + ".nc"));
  score(other);
  EXPECT_THROW(compare_scores(left, other.run_dir), DataError);
  const auto r = compare_scores(left, other.run_dir, {.intersect_times = true});
  ASSERT_FALSE(r.rows.empty());
  for (const auto& row : r.rows) {
    EXPECT_EQ(row.num_init, 3);
    EXPECT_EQ(row.difference, 0);
  }
}

}  // namespace
}  // namespace pear::forecast
