// Forecasts that start from a field file which the regridder wrote.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <numbers>

#include "base/error.h"
#include "forecast/rollout/rollout.h"
#include "io/field_file.h"
#include "io/forecast_file.h"
#include "regrid/regrid_files.h"
#include "tests/forecast/rollout/still_model.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModelGrid = "healpix:4";
// Fields are linear in the position on the sphere with slope 10; half a cell of the source (10 degrees) squared.
constexpr double kTolerance = 10 * 0.0873 * 0.0873;

double value(const std::string& name, double level, Time t, double lat_deg, double lon_deg) {
  const double lat = lat_deg * std::numbers::pi / 180, lon = lon_deg * std::numbers::pi / 180;
  const double base = name == "t2m" ? 280 : level == 500 ? 55000 : 14000;  // plausible, or the reader doubts the unit
  return base + t.seconds / 3600 % 24 + 10 * (std::sin(lat) + std::cos(lat) * std::sin(lon)) / std::numbers::sqrt2;
}

class InitialFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() /
           ("pear_initial_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(dir_);
    fs::create_directories(dir_);
    request_.run_dir = dir_ / "run";
    request_.config.lead = hours(6);
    request_.config.write_initial = true;
    request_.config.initial_file = Path((dir_ / "start.nc").string());
  }
  void TearDown() override { fs::remove_all(dir_); }

  void add(std::vector<io::Field>& fields, const std::string& name, io::Level level, Time t) const {
    io::Field f;
    f.name = name;
    f.units = name == "t2m" ? "K" : "m2 s-2";
    f.level = level;
    f.init_time = f.valid_time = t;
    f.grid = std::make_shared<const sphere::Grid>(sphere::Grid::from_spec("latlon:19x36+poles"));
    f.values = Array<float>({f.grid->num_cells()});
    const auto c = f.grid->centres();
    for (size_t i = 0; i < c.lat_deg.size(); ++i)
      f.values.data()[i] = static_cast<float>(value(name, level.value, t, c.lat_deg[i], c.lon_deg[i]));
    fields.push_back(std::move(f));
  }
  /// What a user does: a file on rows and columns, `pear regrid` to `grid`.
  void write_start(const std::vector<const char*>& times, const std::string& grid = kModelGrid) const {
    std::vector<io::Field> fields;
    for (const char* t : times) {
      add(fields, "t2m", {io::LevelType::HeightAboveGround, 2}, parse_time(t));
      for (const double level : {850.0, 500.0}) add(fields, "z", {io::LevelType::Pressure, level}, parse_time(t));
    }
    io::write_fields(dir_ / "rows.nc", fields, "{}");
    regrid::RegridRequest r{
        .inputs = {dir_ / "rows.nc"}, .output = dir_ / "start.nc", .target = sphere::Grid::from_spec(grid)};
    r.config.method = "bilinear";
    r.config.weights = Path((dir_ / "weights").string());
    r.config.overwrite = true;
    regrid::regrid_files(r);
  }
  StateLayout layout() const { return {sphere::Grid::from_spec(kModelGrid), {"t2m"}, {"z"}, {500, 850}}; }

  Error caught(const StateLayout& l) const {
    test::StillModel model(l);
    try {
      rollout(model, request_);
    } catch (const Error& error) {
      return error;
    }
    return Error("none", "nothing thrown", "", ErrorDetail{});
  }
  fs::path dir_;
  RolloutRequest request_;
};

TEST_F(InitialFileTest, StartsFromARegriddedFileWithoutAStore) {
  write_start({"2018-10-01T06"});
  test::StillModel model(layout());
  const auto r = rollout(model, request_);
  ASSERT_EQ(r.files.size(), 1u);
  EXPECT_EQ(r.files[0].filename(), "20181001T06.nc");
  const auto file = io::ForecastFile::open(r.files[0]);
  EXPECT_EQ(file->variables().at(0).units, "K");
  EXPECT_EQ(file->variables().at(1).units, "m2 s-2");
  const auto c = layout().grid.centres();
  const size_t cells = c.lat_deg.size();
  std::vector<float> t2m(cells), z(2 * cells);
  for (size_t lead = 0; lead < 2; ++lead) {
    file->read(lead, 0, t2m);
    file->read(lead, 1, z);
    for (size_t i = 0; i < cells; ++i) {
      const auto expected = [&](const char* name, double level) {
        return value(name, level, parse_time("2018-10-01T06"), c.lat_deg[i], c.lon_deg[i]);
      };
      EXPECT_NEAR(t2m[i], expected("t2m", 2), kTolerance);
      EXPECT_NEAR(z[i], expected("z", 500), kTolerance);
      EXPECT_NEAR(z[cells + i], expected("z", 850), kTolerance);
    }
  }
  EXPECT_EQ(rollout(model, request_).num_skipped, 1);
}

TEST_F(InitialFileTest, TakesTheNamedTimeOfSeveral) {
  write_start({"2018-10-01T00", "2018-10-01T06", "2018-10-01T12"});
  request_.config.init.list = {parse_time("2018-10-01T12")};
  test::StillModel model(layout());
  const auto r = rollout(model, request_);
  EXPECT_EQ(r.files.at(0).filename(), "20181001T12.nc");
  std::vector<float> t2m(static_cast<size_t>(layout().grid.num_cells()));
  io::ForecastFile::open(r.files[0])->read(0, 0, t2m);
  const auto c = layout().grid.centres();
  EXPECT_NEAR(t2m[7], value("t2m", 2, parse_time("2018-10-01T12"), c.lat_deg[7], c.lon_deg[7]), kTolerance);
}

TEST_F(InitialFileTest, ATimeThatCannotBeChosenIsNamed) {
  write_start({"2018-10-01T00", "2018-10-01T06"});
  auto e = caught(layout());  // two times, none named
  EXPECT_EQ(e.code(), "MissingTime");
  EXPECT_NE(e.detail().found.find("2018-10-01T06"), std::string::npos) << e.what();
  EXPECT_NE(e.detail().hint.find("forecast.init"), std::string::npos);
  request_.config.init.list = {parse_time("2018-10-02")};
  e = caught(layout());
  EXPECT_EQ(e.code(), "MissingTime");
  EXPECT_NE(e.detail().expected.find("2018-10-02"), std::string::npos) << e.what();
  request_.config.init.list = {parse_time("2018-10-01T00"), parse_time("2018-10-01T06")};
  e = caught(layout());
  EXPECT_EQ(e.code(), "MissingTime");
  EXPECT_NE(e.detail().expected.find("one time in forecast.init"), std::string::npos) << e.what();
}

TEST_F(InitialFileTest, AnotherGridHintsAtRegridding) {
  write_start({"2018-10-01T00"}, "healpix:8");
  const auto e = caught(layout());
  EXPECT_EQ(e.code(), "GridMismatch");
  EXPECT_NE(e.detail().found.find("healpix:8"), std::string::npos);
  EXPECT_NE(e.detail().hint.find("pear regrid"), std::string::npos);
  EXPECT_NE(e.detail().hint.find("grid=healpix:4"), std::string::npos) << e.what();
}

TEST_F(InitialFileTest, MissingVariablesAndLevelsAreNamed) {
  write_start({"2018-10-01T00"});
  auto l = layout();
  l.surface = {"t2m", "msl"};
  auto e = caught(l);
  EXPECT_EQ(e.code(), "MissingVariable");
  EXPECT_NE(e.detail().what.find("msl"), std::string::npos);
  l = layout();
  l.upper = {"z", "q"};
  e = caught(l);
  EXPECT_EQ(e.code(), "MissingVariable");
  EXPECT_NE(e.detail().what.find("q"), std::string::npos) << e.what();
  l = layout();
  l.levels_hpa = {500, 700};
  e = caught(l);
  EXPECT_EQ(e.code(), "MissingLevel");
  EXPECT_NE(e.detail().what.find("z at 700 hPa"), std::string::npos) << e.what();
}

TEST_F(InitialFileTest, AnAbsentFileIsNotFound) { EXPECT_EQ(caught(layout()).code(), "FileNotFound"); }

}  // namespace
}  // namespace pear::forecast
