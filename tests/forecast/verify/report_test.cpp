#include "forecast/verify/report.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/files.h"
#include "forecast/verify/score.h"
#include "io/forecast_file.h"
#include "tests/forecast/verify/fake_store.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;
using test::FakeStore;

const Time kStart = parse_time("2018-10-01");
const char* const kGrid = "healpix:4";

/// Hours since the start; the level adds 100.
float truth_value(size_t, size_t level, Time t, int64_t) {
  return static_cast<float>((t - kStart).hours() + 100 * static_cast<double>(level));
}

/// A scored run on disk: two initial times, two leads, error 1 at the first and 2 at the second.
class ReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() /
           ("pear_report_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(dir_);
    fs::create_directories(dir_ / "forecasts");
    request_.run_dir = dir_;
    request_.run_name = "model";
    request_.forecasts = dir_ / "forecasts";
    request_.truth = store("analysis");
    request_.provenance = {{"pear", {{"version", "1.2.3"}, {"git_revision", "abcdef"}}},
                           {"libraries", {{"zlib", "9"}}}};
    request_.resolved_yaml = "grid: healpix:4\n";
  }
  void TearDown() override { fs::remove_all(dir_); }

  static std::shared_ptr<const io::Store> store(const std::string& kind) {
    io::StoreLayout l;
    l.grid = sphere::Grid::from_spec(kGrid);
    l.variables = {{"t2m", "K", {}}, {"z", "m2 s-2", {850, 500}}};
    l.times = test::every("2018-10-01", hours(6), 8);
    l.kind = kind;
    l.source = "made <up>";
    return std::make_shared<FakeStore>(l, truth_value);
  }
  void make_run(const std::string& kind = "analysis", const std::string& provenance = "{}") {
    for (int i = 0; i < 2; ++i) {
      const Time init = kStart + hours(6 * i);
      auto file = io::ForecastFileWriter::create(
          dir_ / "forecasts" / (format_time_compact(init) + ".nc"), sphere::Grid::from_spec(kGrid),
          {{"t2m", "K", {}}, {"z", "m2 s-2", {850, 500}}}, init, {hours(6), hours(12)}, provenance);
      for (size_t lead = 0; lead < 2; ++lead)
        for (size_t v = 0; v < 2; ++v) {
          std::vector<float> x((v + 1) * 192);
          for (size_t k = 0; k < x.size(); ++k)
            x[k] =
                truth_value(v, k / 192, init + hours(6 * static_cast<int>(lead + 1)), 0) + 1 + static_cast<float>(lead);
          file->write(lead, v, x);
        }
      file->commit();
    }
    ScoreRequest score_request{.run_dir = dir_, .forecasts = {{request_.run_name, dir_ / "forecasts"}}};
    request_.truth = score_request.truth = store(kind);
    score_request.climatology_period.list = test::every("2018-10-02T12", hours(6), 2);  // after what is scored
    score_request.climatology.by_hour = false;
    score_request.config.metrics = {"rmse", "bias"};
    score_request.config.regions = {"tropics", "global"};
    score_request.config.bootstrap.samples = 20;
    score(score_request);
  }
  std::string page() const { return read_text(dir_ / "report.html"); }
  bool page_has(const std::string& words) const { return page().find(words) != std::string::npos; }
  void expect_error(const char* code) const {
    try {
      write_report(request_);
      FAIL() << "no error";
    } catch (const DataError& e) {
      EXPECT_EQ(e.code(), code);
    }
  }
  fs::path dir_;
  ReportRequest request_;
};

TEST_F(ReportTest, WithoutScoresTheErrorNamesTheVerbThatMakesThem) {
  try {
    write_report(request_);
    FAIL();
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "NoScores");
    EXPECT_NE(e.detail().hint.find("pear score"), std::string::npos);
  }
  EXPECT_FALSE(fs::exists(dir_ / "report.html"));
}

TEST_F(ReportTest, ShowsTheKnownVerdictCurvesTableAndMaps) {
  make_run();
  const auto r = write_report(request_);
  // Persistence errs by 6 and 12: the model's 1 and 2 are smaller in 2 channels x 2 leads, by 5/6 at both.
  const auto line = r.summary.at("verdict").at("against").at(0);
  EXPECT_EQ(line.at("against"), "persistence");
  EXPECT_EQ(line.at("compared"), 4);
  EXPECT_EQ(line.at("better"), 4);
  EXPECT_NEAR(line.at("change_first_lead").get<double>(), 1.0 / 6 - 1, 1e-9);
  EXPECT_NEAR(line.at("change_last_lead").get<double>(), 2.0 / 12 - 1, 1e-9);
  EXPECT_EQ(r.summary.at("channels"), (nlohmann::json{"z500", "t2m"}));
  EXPECT_EQ(r.summary.at("region"), "global");
  EXPECT_EQ(r.summary.at("maps").at("channel"), "z500");
  EXPECT_EQ(r.summary.at("maps").at("lead"), "12h");
  EXPECT_NEAR(r.summary.at("maps").at("bias").get<double>(), 2, 1e-6);
  for (const char* words : {"<b>1.00</b>", "<b>2.00</b>", "z500: RMSE", "t2m: bias", "m\xC2\xB2 s\xE2\x81\xBB\xC2\xB2",
                            "lead time [h]", "Forecast minus truth", "abcdef", "climatology", "grid: healpix:4"})
    EXPECT_TRUE(page_has(words)) << words;
  for (const char* words : {"<script", "src=", "@import", "url("}) EXPECT_FALSE(page_has(words)) << words;
}

TEST_F(ReportTest, IsRewrittenAndDependsOnItsInputsAlone) {
  make_run();
  write_report(request_);
  const std::string first = page();
  std::ofstream(dir_ / "report.html") << "old";
  write_report(request_);
  EXPECT_EQ(page(), first);
}

TEST_F(ReportTest, APlanWritesNothing) {
  make_run();
  EXPECT_EQ(plan_report(request_).summary.at("channels").size(), 2u);
  EXPECT_FALSE(fs::exists(dir_ / "report.html"));
}

TEST_F(ReportTest, TextFromOutsideCannotBecomeMarkup) {
  request_.run_name = "<script>alert('x')</script>\"&";
  request_.facts = {{"<i>label</i>", "a<b"}};
  request_.resolved_yaml = "name: </pre><script>";
  make_run();
  write_report(request_);
  EXPECT_FALSE(page_has("<script"));
  EXPECT_FALSE(page_has("<i>"));
  EXPECT_FALSE(page_has("made <up>"));
  EXPECT_TRUE(page_has("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"));
}

TEST_F(ReportTest, ANatureRunIsLabelledSimulated) {
  make_run("nature_run");
  write_report(request_);
  EXPECT_TRUE(page_has("simulated (nature run"));
  EXPECT_TRUE(page_has("Truth (simulated)"));
}

TEST_F(ReportTest, WarningsOfTheScoringAreCaveatsOfThePage) {
  make_run("analysis", R"({"training_period": {"first": "2018-10-01T00:00:00Z", "last": "2018-10-01T12:00:00Z"}})");
  const auto r = write_report(request_);
  ASSERT_FALSE(r.notes.empty());
  EXPECT_TRUE(page_has("training period"));
}

TEST_F(ReportTest, AChangedConfigurationIsACaveat) {
  make_run();
  nlohmann::json record = nlohmann::json::parse(read_text(dir_ / "scores.json"));
  record["provenance"] = {{"config", {{"grid", "healpix:4"}, {"model", {{"name", "pear"}}}}}};
  std::ofstream(dir_ / "scores.json") << record.dump();
  request_.resolved = {{"grid", "healpix:4"}, {"model", {{"name", "dycore"}}}, {"report", {{"lead", "6h"}}}};
  const auto r = write_report(request_);
  ASSERT_EQ(r.notes.size(), 1u);
  EXPECT_NE(r.notes[0].find("model.name"), std::string::npos);
  EXPECT_EQ(r.notes[0].find("report"), std::string::npos);
}

TEST_F(ReportTest, WithoutForecastFilesOrTruthThePageSaysWhyThereAreNoMaps) {
  make_run();
  request_.truth = nullptr;
  request_.truth_note = "the store is gone";
  EXPECT_EQ(write_report(request_).summary.at("maps").at("note"), "no maps: the store is gone");
  EXPECT_TRUE(page_has("the store is gone"));
  fs::remove_all(dir_ / "forecasts");
  write_report(request_);
  EXPECT_TRUE(page_has("there are no forecast files"));
}

TEST_F(ReportTest, ChoicesThatDoNotExistAreErrors) {
  make_run();
  const ReportConfig good = request_.config;
  request_.config.channels = {"u10"};
  expect_error("MissingChannel");
  request_.config = good;
  request_.config.channel = "u10";
  expect_error("MissingChannel");
  request_.config = good;
  request_.config.metrics = {"mae"};
  expect_error("MissingMetric");
  request_.config = good;
  request_.config.region = "nh";
  expect_error("MissingRegion");
  request_.config = good;
  request_.config.lead = hours(18);
  expect_error("MissingLead");
  request_.config = good;
  request_.config.init = parse_time("2018-10-03");
  expect_error("MissingTime");
}

TEST_F(ReportTest, ScoresOfAnotherRunStandBesideOnlyWithTheSameDefinition) {
  make_run();
  const fs::path other = dir_ / "other";
  fs::create_directories(other);
  std::string csv = read_text(dir_ / "scores.csv");
  for (size_t i; (i = csv.find("\nmodel,")) != std::string::npos;) csv.replace(i, 7, "\nrival,");
  std::ofstream(other / "scores.csv") << csv;
  std::ofstream(other / "scores.json") << "{}";
  request_.config.compare = {Path{other.string()}};
  auto r = write_report(request_);
  EXPECT_EQ(r.summary.at("models"), (nlohmann::json{"model", "rival", "persistence", "climatology"}));
  EXPECT_TRUE(r.notes.empty());
  // Another definition (the ids are changed): nothing is shown, and the page says so.
  for (size_t i = 0; (i = csv.find('\n', i)) != std::string::npos; ++i)
    if (i > 16 && i > csv.find('\n')) csv[i - 1] = 'x';
  std::ofstream(other / "scores.csv") << csv;
  r = write_report(request_);
  EXPECT_EQ(r.summary.at("models").size(), 3u);
  ASSERT_EQ(r.notes.size(), 1u);
  EXPECT_NE(r.notes[0].find("another definition"), std::string::npos);
}

}  // namespace
}  // namespace pear::forecast
