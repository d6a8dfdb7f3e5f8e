// Forecasts on another grid than the model's: winds are vectors.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <numbers>

#include "base/error.h"
#include "forecast/rollout/rollout.h"
#include "io/forecast_file.h"
#include "regrid/apply.h"
#include "tests/forecast/rollout/still_model.h"
#include "tests/forecast/verify/fake_store.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;

constexpr double kSpeed = 40;  // m/s at the equator of the rotation
constexpr double kTilt = 1.0;  // radians between the axes
constexpr const char* kModelGrid = "healpix:16";
constexpr const char* kRows = "latlon:37x72+poles";

// The Cartesian components of the wind are linear in the position, so the error of a method is the speed times how far
// the weighted mean of its source centres lies from the target. Bilinear weights run along rings: the chord between two
// of the 4 i pixels of ring i, at the colatitude 0.051 i, is farthest from the circle for i = 1; at 60 degrees and
// nearer to the equator, at most half a squared cell (0.064 rad) away. Averages: half a cell.
constexpr double kBilinearTolerance = kSpeed * 0.051 * (1 - 0.7071);
constexpr double kBilinearToleranceTo60 = kSpeed * 0.064 * 0.064 / 2;
constexpr double kConservativeTolerance = kSpeed * 0.064 / 2;

struct Wind {
  double u, v;
};

/// Solid-body rotation about an axis tilted towards longitude 180 (Williamson et al. 1992, test 1).
Wind wind(double lat_deg, double lon_deg) {
  const double lat = lat_deg * std::numbers::pi / 180, lon = lon_deg * std::numbers::pi / 180;
  return {kSpeed * (std::cos(lat) * std::cos(kTilt) + std::sin(lat) * std::cos(lon) * std::sin(kTilt)),
          -kSpeed * std::sin(lon) * std::sin(kTilt)};
}

class ExportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() /
           ("pear_export_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(dir_);
    io::StoreLayout l;
    l.grid = sphere::Grid::from_spec(kModelGrid);
    l.variables = {{"u10", "m s-1", {}},        {"t2m", "K", {}},
                   {"v10", "m s-1", {}},        {"v", "m s-1", {850, 500}},
                   {"z", "m2 s-2", {850, 500}}, {"u", "m s-1", {850, 500}}};
    l.times = test::every("2018-10-01", hours(6), 1);
    const auto centres = l.grid.centres();
    request_.store = std::make_shared<test::FakeStore>(l, [=](size_t v, size_t level, Time, int64_t cell) {
      const auto i = static_cast<size_t>(cell);
      const Wind w = wind(centres.lat_deg[i], centres.lon_deg[i]);
      const double factor = level == 1 ? -2 : 1;  // the wind of the second level turns the other way
      if (l.variables[v].name.starts_with("u")) return static_cast<float>(factor * w.u);
      if (l.variables[v].name.starts_with("v")) return static_cast<float>(factor * w.v);
      return 280.0f;
    });
    request_.run_dir = dir_;
    request_.config.init.list = l.times;
    request_.config.lead = hours(6);
    request_.config.export_grid = kRows;
  }
  void TearDown() override { fs::remove_all(dir_); }

  StateLayout layout() const {
    return {sphere::Grid::from_spec(kModelGrid), {"u10", "t2m", "v10"}, {"v", "z", "u"}, {850, 500}};
  }
  /// Values of the only lead, all levels. Variables stand in the order of the layout.
  static std::vector<float> read(const fs::path& file, size_t variable, size_t levels) {
    std::vector<float> out(levels * static_cast<size_t>(sphere::Grid::from_spec(kRows).num_cells()));
    io::ForecastFile::open(file)->read(0, variable, out);
    return out;
  }
  /// Largest length of the error vector, of level `level`, against `factor` times the formula.
  static double error_of(const std::vector<float>& u, const std::vector<float>& v, size_t level, double factor,
                         double up_to_lat_deg = 90) {
    const auto centres = sphere::Grid::from_spec(kRows).centres();
    const size_t cells = centres.lat_deg.size();
    double worst = 0;
    for (size_t i = 0; i < cells; ++i) {
      if (std::abs(centres.lat_deg[i]) > up_to_lat_deg) continue;
      const Wind w = wind(centres.lat_deg[i], centres.lon_deg[i]);
      worst = std::max(worst, std::hypot(u[level * cells + i] - factor * w.u, v[level * cells + i] - factor * w.v));
    }
    return worst;
  }
  void expect_winds(const std::string& method, double tolerance, double tolerance_to_60) {
    request_.config.export_method = method;
    test::StillModel model(layout());
    const fs::path file = rollout(model, request_).files.at(0);
    EXPECT_LT(error_of(read(file, 0, 1), read(file, 2, 1), 0, 1), tolerance);
    const auto u = read(file, 5, 2), v = read(file, 3, 2);
    EXPECT_LT(error_of(u, v, 0, 1), tolerance);
    EXPECT_LT(error_of(u, v, 0, 1, 60), tolerance_to_60);
    EXPECT_LT(error_of(u, v, 1, -2), 2 * tolerance);
    for (const float t : read(file, 1, 1)) EXPECT_NEAR(t, 280, 1e-3);
  }
  fs::path dir_;
  RolloutRequest request_;
};

TEST_F(ExportTest, BilinearRowsHoldTheExactWindUpToThePoles) {
  expect_winds("bilinear", kBilinearTolerance, kBilinearToleranceTo60);
}

TEST_F(ExportTest, ConservativeRowsHoldTheExactWindUpToThePoles) {
  expect_winds("conservative", kConservativeTolerance, kConservativeTolerance);
}

TEST_F(ExportTest, TheTolerancesWouldRefuseComponentsThatAreTreatedAsScalars) {
  const auto source = sphere::Grid::from_spec(kModelGrid), target = sphere::Grid::from_spec(kRows);
  const auto centres = source.centres();
  std::vector<float> u, v, u_out(static_cast<size_t>(target.num_cells())), v_out(u_out.size());
  for (size_t i = 0; i < centres.lat_deg.size(); ++i) {
    const Wind w = wind(centres.lat_deg[i], centres.lon_deg[i]);
    u.push_back(static_cast<float>(w.u));
    v.push_back(static_cast<float>(w.v));
  }
  for (const auto method : {regrid::Method::Bilinear, regrid::Method::Conservative}) {
    const auto weights = regrid::make_weights(source, target, method);
    regrid::apply_weights(weights, std::span<const float>(u), std::span<float>(u_out), 1);
    regrid::apply_weights(weights, std::span<const float>(v), std::span<float>(v_out), 1);
    EXPECT_GT(error_of(u_out, v_out, 0, 1), 5 * kConservativeTolerance);
  }
}

TEST_F(ExportTest, OneComponentAloneIsRefusedForAverages) {
  StateLayout alone = layout();
  alone.upper = {"v", "z"};
  test::StillModel model(alone);
  try {
    plan_rollout(model, request_);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.code(), "UnpairedVector");
    EXPECT_NE(error.detail().expected.find("also u among"), std::string::npos) << error.what();
  }
  request_.config.export_method = "bilinear";
  EXPECT_NO_THROW(plan_rollout(model, request_));
}

TEST_F(ExportTest, TheModelsOwnGridKeepsEveryBit) {
  request_.config.export_grid.clear();
  test::StillModel model(layout());
  const fs::path file = rollout(model, request_).files.at(0);
  const size_t cells = static_cast<size_t>(layout().grid.num_cells());
  std::vector<float> u10(cells), expected(cells);
  io::ForecastFile::open(file)->read(0, 0, u10);
  request_.store->read(0, 0, expected);
  EXPECT_EQ(u10, expected);
}

}  // namespace
}  // namespace pear::forecast
