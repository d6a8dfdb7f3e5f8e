#include "forecast/model/baselines.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"

namespace pear::forecast {
namespace {

/// The mean of variable v at level l in pixel p and at h hours since 1970 is 1000 v + 100 l + p + h / 1000.
class FormulaClimatology : public Climatology {
 public:
  const sphere::Grid& grid() const override { return grid_; }
  const std::vector<io::StoreVariable>& variables() const override { return variables_; }
  const nlohmann::json& definition() const override { return definition_; }
  void read(size_t variable, Time valid, std::span<float> out) const override {
    if (valid > Time{360000}) throw DataError("MissingTime", "test", {.what = "too late"});
    size_t i = 0;
    for (int64_t l = 0; l < variables_[variable].num_levels(); ++l)
      for (int64_t p = 0; p < 12; ++p)
        out[i++] = static_cast<float>(1000.0 * static_cast<double>(variable) + 100.0 * static_cast<double>(l) +
                                      static_cast<double>(p) + Duration{valid.seconds}.hours() / 1000);
  }

 private:
  sphere::Grid grid_ = sphere::Grid::from_spec("healpix:1");
  std::vector<io::StoreVariable> variables_{{"t2m", "K", {}}, {"z", "m2 s-2", {500, 850, 1000}}, {"msl", "Pa", {}}};
  nlohmann::json definition_;
};

StateLayout layout() { return {sphere::Grid::from_spec("healpix:1"), {"msl", "t2m"}, {"z"}, {1000, 500}}; }

std::string code(const StateLayout& l) {
  try {
    ClimatologyModel(l, hours(6), std::make_shared<FormulaClimatology>());
  } catch (const DataError& e) {
    return e.code();
  }
  return "none";
}

std::string message(const StateLayout& l) {
  try {
    ClimatologyModel(l, hours(6), std::make_shared<FormulaClimatology>());
  } catch (const DataError& e) {
    return e.what();
  }
  return "";
}

TEST(Persistence, KeepsTheState) {
  PersistenceModel model(layout(), hours(6));
  const State x{torch::rand({2, 2, 12}), torch::rand({2, 1, 2, 12})};
  const auto y = model.step(x, Time{});
  EXPECT_TRUE(y.surface.equal(x.surface));
  EXPECT_TRUE(y.upper.equal(x.upper));
  EXPECT_EQ(model.name(), "persistence");
  EXPECT_EQ(model.step_length(), hours(6));
  EXPECT_EQ(model.layout(), layout());
}

TEST(ClimatologyForecast, IsTheMeanAtTheEndOfTheStepByNameAndLevel) {
  ClimatologyModel model(layout(), hours(6), std::make_shared<FormulaClimatology>());
  const State x{torch::zeros({2, 2, 12}, torch::kFloat64), torch::zeros({2, 1, 2, 12}, torch::kFloat64)};
  const auto y = model.step(x, Time{4 * 3600});  // valid at hour 10
  ASSERT_EQ(y.surface.sizes(), x.surface.sizes());
  ASSERT_EQ(y.upper.sizes(), x.upper.sizes());
  EXPECT_EQ(y.surface.scalar_type(), torch::kFloat64);
  for (int64_t b = 0; b < 2; ++b) {
    EXPECT_NEAR(y.surface[b][0][7].item<double>(), 2007.010, 1e-3);   // msl
    EXPECT_NEAR(y.surface[b][1][7].item<double>(), 7.010, 1e-5);      // t2m
    EXPECT_NEAR(y.upper[b][0][0][7].item<double>(), 1207.010, 1e-3);  // z1000, third level there
    EXPECT_NEAR(y.upper[b][0][1][7].item<double>(), 1007.010, 1e-3);  // z500
  }
}

TEST(ClimatologyForecast, TakesTheBatchFromAStateWithoutSurface) {
  StateLayout l = layout();
  l.surface.clear();
  ClimatologyModel model(l, hours(6), std::make_shared<FormulaClimatology>());
  const auto y = model.step({{}, torch::zeros({3, 1, 2, 12})}, Time{});
  EXPECT_FALSE(y.surface.defined());
  EXPECT_EQ(y.upper.sizes(), (torch::IntArrayRef{3, 1, 2, 12}));
  EXPECT_EQ(y.upper.scalar_type(), torch::kFloat32);
}

TEST(ClimatologyForecast, NamesWhatIsMissing) {
  EXPECT_EQ(code(layout()), "none");
  auto l = layout();
  l.grid = sphere::Grid::from_spec("healpix:2");
  EXPECT_EQ(code(l), "GridMismatch");
  l = layout();
  l.surface = {"u10"};
  EXPECT_EQ(code(l), "MissingVariable");
  l = layout();
  l.levels_hpa = {500, 700};
  EXPECT_EQ(code(l), "MissingLevel");
  EXPECT_NE(message(l).find("climatology of z: expected level 700 hPa, found levels 500, 850, 1000 hPa"),
            std::string::npos)
      << message(l);
  l = layout();
  l.surface = {"msl", "z"};  // the first level is no surface
  EXPECT_EQ(code(l), "MissingLevel");
  EXPECT_NE(message(l).find("climatology of z"), std::string::npos);
  EXPECT_NE(message(l).find("500, 850, 1000 hPa"), std::string::npos) << message(l);
  l = layout();
  l.upper = {"t2m"};
  EXPECT_EQ(code(l), "MissingLevel");
  EXPECT_NE(message(l).find("climatology of t2m"), std::string::npos);
  EXPECT_NE(message(l).find("level 1000 hPa"), std::string::npos);
  EXPECT_NE(message(l).find("a surface field"), std::string::npos) << message(l);
  ClimatologyModel model(layout(), hours(6), std::make_shared<FormulaClimatology>());
  const State x{torch::zeros({1, 2, 12}), torch::zeros({1, 1, 2, 12})};
  EXPECT_THROW(model.step(x, Time{95 * 3600}), DataError);  // hour 101 is too late
  EXPECT_NO_THROW(model.step(x, Time{94 * 3600}));
}

}  // namespace
}  // namespace pear::forecast
