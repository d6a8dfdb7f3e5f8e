// Scores end to end: the published protocol, the native one, and scores joined from parts.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <tuple>

#include "base/config/reader.h"
#include "base/error.h"
#include "forecast/verify/climatology.h"
#include "forecast/verify/score.h"
#include "io/forecast_file.h"
#include "tests/forecast/verify/fake_store.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;

constexpr size_t kCells = 192;
const std::vector<io::OutputVariable> kVariables{{"t2m", "K", {}}, {"z", "m2 s-2", {850, 500}}};

/// Half of the cells have 1, half -1, in every region and block.
float sign(size_t cell) { return cell % 2 == 0 ? 1.0f : -1.0f; }

/// Size of the truth's anomaly: the two years of the climatology cancel, so the mean of a calendar day is `base`.
float anomaly(Time t) {
  const CivilTime c = civil_from_time(t);
  if (c.year < 2018) return c.year == 2016 ? -7.0f : 7.0f;
  return 2.0f * static_cast<float>(c.day - 1);
}
float base(size_t level, size_t cell) { return static_cast<float>(100 * level + cell % 5); }

class ProtocolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() /
           ("pear_protocol_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(dir_);
    io::StoreLayout l;
    l.grid = sphere::Grid::from_spec("healpix:4");
    l.variables = {{"t2m", "K", {}}, {"z", "m2 s-2", {850, 500}}};
    for (const char* first : {"2016-01-01", "2017-01-01", "2018-01-01"})
      for (const Time t : test::every(first, hours(24), 6)) l.times.push_back(t);
    request_.truth = std::make_shared<test::FakeStore>(l, [](size_t, size_t level, Time t, int64_t cell) {
      const auto i = static_cast<size_t>(cell);
      return base(level, i) + anomaly(t) * sign(i);
    });
    for (size_t i = 0; i < 12; ++i) request_.climatology_period.list.push_back(l.times[i]);
    request_.run_dir = dir_ / "all";
    request_.climatology.allow_sparse = true;
    request_.config.bootstrap.samples = 40;
  }
  void TearDown() override { fs::remove_all(dir_); }

  /// Forecasts for one day ahead from these days of January 2018. `factor(level, day)`: forecast anomaly / true one.
  fs::path write(const std::string& folder, const std::vector<int>& days,
                 const std::function<float(size_t, int)>& factor) const {
    fs::create_directories(dir_ / folder);
    for (const int day : days) {
      const Time init = parse_time("2018-01-01") + hours(24 * (day - 1)), valid = init + hours(24);
      auto file =
          io::ForecastFileWriter::create(dir_ / folder / (format_time_compact(init) + ".nc"),
                                         sphere::Grid::from_spec("healpix:4"), kVariables, init, {hours(24)}, "{}");
      for (size_t v = 0; v < 2; ++v) {
        std::vector<float> x((v + 1) * kCells);
        for (size_t k = 0; k < x.size(); ++k)
          x[k] = base(k / kCells, k % kCells) + factor(k / kCells, day) * anomaly(valid) * sign(k % kCells);
        file->write(0, v, x);
      }
      file->commit();
    }
    return dir_ / folder;
  }

  using Key = std::tuple<std::string, std::string, std::string, std::string, std::string>;
  static std::map<Key, ScoreRow> by_key(const ScoreResult& r) {
    std::map<Key, ScoreRow> rows;
    for (const auto& row : r.rows) rows[{row.model, row.variable, row.level_hpa, row.region, row.metric}] = row;
    EXPECT_EQ(rows.size(), r.rows.size());
    return rows;
  }
  static std::string code_of(const std::function<void()>& f) {
    try {
      f();
    } catch (const Error& error) {
      return error.code() + ": " + error.what();
    }
    return "nothing thrown";
  }
  fs::path dir_;
  ScoreRequest request_;
};

/// Right on day 1 (valid 2 January, anomaly 2); on day 2 (anomaly 4) of the other sign at 850 hPa and near the ground.
float right_then_wrong(size_t level, int day) { return day == 2 && level == 0 ? -1.0f : 1.0f; }

TEST_F(ProtocolTest, PearRowsAreThePublishedNumbersWithTheirMeansOverLevels) {
  request_.forecasts = {{"model", write("forecasts", {1, 2}, right_then_wrong)}};
  request_.config.protocol = "pear";
  request_.config.regions = {"global", "nh"};  // the protocol has one region
  request_.config.metrics = {"bias"};          // and its own metrics
  const auto rows = by_key(score(request_));
  const auto at = [&](const char* model, const char* variable, const char* level, const char* metric) {
    return rows.at({model, variable, level, "global", metric});
  };
  for (const auto& [key, row] : rows) {
    EXPECT_EQ(row.region, "global");
    EXPECT_TRUE(row.metric == "pear_rmse" || row.metric == "pear_acc") << row.metric;
    EXPECT_EQ(row.num_init, 2);
  }
  // Errors are 0 and 8 in every cell; the published "RMSE" is their mean (a root mean square would be 5.66).
  EXPECT_DOUBLE_EQ(at("model", "t2m", "", "pear_rmse").value, 4);
  EXPECT_DOUBLE_EQ(at("model", "z", "850", "pear_rmse").value, 4);
  EXPECT_DOUBLE_EQ(at("model", "z", "500", "pear_rmse").value, 0);
  EXPECT_DOUBLE_EQ(at("model", "z", "mean", "pear_rmse").value, 2);
  EXPECT_EQ(at("model", "z", "mean", "pear_rmse").unit, "m2 s-2");
  // Sums over all times: (4 - 16) / sqrt((4 + 16) (4 + 16)); the mean of the correlations 1 and -1 would be 0.
  EXPECT_DOUBLE_EQ(at("model", "t2m", "", "pear_acc").value, -0.6);
  EXPECT_DOUBLE_EQ(at("model", "z", "850", "pear_acc").value, -0.6);
  EXPECT_DOUBLE_EQ(at("model", "z", "500", "pear_acc").value, 1);
  EXPECT_DOUBLE_EQ(at("model", "z", "mean", "pear_acc").value, 0.2);
  // Climatology misses the anomalies 2 and 4, persistence the change of 2 each day.
  EXPECT_DOUBLE_EQ(at("climatology", "z", "mean", "pear_rmse").value, 3);
  EXPECT_DOUBLE_EQ(at("persistence", "t2m", "", "pear_rmse").value, 2);
  EXPECT_FALSE(rows.contains({"climatology", "t2m", "", "global", "pear_acc"}));  // no anomalies, no value
  size_t num_climatologies = 0;
  for (const auto& entry : fs::directory_iterator(request_.run_dir)) {
    if (!entry.path().filename().string().starts_with("climatology_")) continue;
    ++num_climatologies;
    EXPECT_EQ(open_climatology(entry.path())->definition().at("kind"), "pear");
  }
  EXPECT_EQ(num_climatologies, 1u);
}

TEST_F(ProtocolTest, NativeRowsFollowTheKeys) {
  request_.forecasts = {{"model", write("forecasts", {1, 2}, right_then_wrong)}};
  request_.climatology.kind = "pear";  // the same mean, for numbers that can be compared
  request_.config.regions = {"global", "nh"};
  request_.config.metrics = {"rmse", "mae", "bias", "acc_wb2", "acc_pooled"};
  const auto rows = by_key(score(request_));
  const auto value = [&](const char* level, const char* region, const char* metric) {
    return rows.at({"model", "z", level, region, metric}).value;
  };
  for (const char* region : {"global", "nh"}) {
    EXPECT_DOUBLE_EQ(value("850", region, "rmse"), std::sqrt(32.0));
    EXPECT_DOUBLE_EQ(value("850", region, "mae"), 4);
    EXPECT_NEAR(value("850", region, "acc_wb2"), 0, 1e-12);
    EXPECT_DOUBLE_EQ(value("850", region, "acc_pooled"), -0.6);
    EXPECT_DOUBLE_EQ(value("500", region, "rmse"), 0);
  }
  EXPECT_NEAR(value("850", "global", "bias"), 0, 1e-12);  // as many cells with 8 as with -8
  for (const auto& [key, row] : rows) EXPECT_NE(row.level_hpa, "mean");
}

TEST_F(ProtocolTest, AnUnknownProtocolIsNoChoice) {
  ScoreConfig config;
  const auto read = [&](const char* text) { read_config(config, {.file = {}, .overrides = {text}}); };
  EXPECT_EQ(code_of([&] { read("protocol=pear"); }), "nothing thrown");
  EXPECT_EQ(config.protocol, "pear");
  EXPECT_NE(code_of([&] { read("protocol=wb3"); }).find("native"), std::string::npos);
}

TEST_F(ProtocolTest, ASurfaceForecastIsNotScoredOnTheFirstLevelOfTheTruth) {
  write("forecasts", {1}, right_then_wrong);
  auto file = io::ForecastFileWriter::create(dir_ / "flat.nc", sphere::Grid::from_spec("healpix:4"),
                                             {{"z", "m2 s-2", {}}}, parse_time("2018-01-01"), {hours(24)}, "{}");
  file->write(0, 0, std::vector<float>(kCells, 0));
  file->commit();
  fs::create_directories(dir_ / "flat");
  fs::rename(dir_ / "flat.nc", dir_ / "flat" / "20180101T00.nc");
  request_.forecasts = {{"model", dir_ / "flat"}};
  const std::string message = code_of([&] { score(request_); });
  EXPECT_EQ(message.substr(0, 12), "MissingLevel");
  EXPECT_NE(message.find("z in the truth"), std::string::npos) << message;
  EXPECT_NE(message.find("850, 500 hPa"), std::string::npos) << message;
}

class MergeScoresTest : public ProtocolTest {
 protected:
  /// Scores of the forecasts from these days alone; they leave `sums(name)`.
  ScoreResult part(const std::string& name, const std::vector<int>& days) const {
    ScoreRequest r = request_;
    r.run_dir = dir_ / name;
    r.forecasts = {{"model", write("forecasts_" + name, days, [](size_t level, int day) {
                      return 1 + 0.1f * static_cast<float>(day) * (level == 0 ? 1.0f : -0.5f);
                    })}};
    return score(r);
  }
  fs::path sums(const std::string& name) const { return dir_ / name / "sums.nc"; }
};

TEST_F(MergeScoresTest, PartsOverDisjointTimesGiveTheScoresOfTheWhole) {
  part("early", {1, 2});
  part("late", {4});
  const auto expected = by_key(part("whole", {1, 2, 4}));
  ScoreRequest merged = request_;
  merged.run_dir = dir_ / "merged";
  const auto r = merge_scores({sums("late"), sums("early")}, merged);
  EXPECT_FALSE(r.up_to_date);
  const auto found = by_key(r);
  ASSERT_EQ(found.size(), expected.size());
  ASSERT_GT(found.size(), 30u);
  for (const auto& [key, row] : expected) {
    const ScoreRow& other = found.at(key);
    EXPECT_EQ(other.num_init, 3);
    EXPECT_EQ(other.definition_id, row.definition_id);
    const auto same = [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); };
    EXPECT_TRUE(same(other.value, row.value)) << row.variable << " " << row.metric;
    EXPECT_TRUE(same(other.ci_low, row.ci_low) && same(other.ci_high, row.ci_high)) << row.metric;
  }
  for (const char* name : {"scores.csv", "scores.nc", "scores.json", "sums.nc"})
    EXPECT_TRUE(fs::exists(merged.run_dir / name)) << name;
  EXPECT_TRUE(merge_scores({sums("late"), sums("early")}, merged).up_to_date);
}

TEST_F(MergeScoresTest, TimesThatTwoPartsShareAreRefused) {
  part("early", {1, 2});
  part("late", {2, 3});
  request_.run_dir = dir_ / "merged";
  EXPECT_EQ(code_of([&] { merge_scores({sums("early"), sums("late")}, request_); }).substr(0, 16), "OverlappingTimes");
  EXPECT_FALSE(fs::exists(request_.run_dir / "scores.json"));
}

TEST_F(MergeScoresTest, PartsOfAnotherDefinitionAreRefusedByName) {
  part("early", {1, 2});
  request_.config.missing = "skip_cell";
  part("late", {3});
  request_.run_dir = dir_ / "merged";
  const std::string message = code_of([&] { merge_scores({sums("early"), sums("late")}, request_); });
  EXPECT_EQ(message.substr(0, 18), "DefinitionMismatch");
  EXPECT_NE(message.find("missing"), std::string::npos) << message;
}

TEST_F(MergeScoresTest, NothingToMergeIsAnError) {
  EXPECT_EQ(code_of([&] { merge_scores({}, request_); }).substr(0, 11), "NoForecasts");
  EXPECT_EQ(code_of([&] { merge_scores({dir_ / "absent.nc"}, request_); }).substr(0, 12), "FileNotFound");
}

}  // namespace
}  // namespace pear::forecast
