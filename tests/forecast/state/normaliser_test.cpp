#include "forecast/state/normaliser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"
#include "tests/support/caught.h"

namespace pear::forecast {
namespace {

using pear::testing::caught;

/// A store with statistics only: of variable v and level l the mean is 100 v + l, the standard deviation 1 + v + 0.1 l
/// and that of the change over 6 h a hundredth of 3 + v + 0.1 l.
class StatisticsStore : public io::Store {
 public:
  StatisticsStore() {
    layout_.grid = sphere::Grid::from_spec("healpix:1");
    layout_.variables = {
        {"t2m", "K", {}}, {"msl", "Pa", {}}, {"z", "m2 s-2", {500, 850, 1000}}, {"q", "1", {1000, 500}}};
    for (size_t v = 0; v < layout_.variables.size(); ++v) {
      io::ChannelStatistics s, t;
      for (int64_t l = 0; l < layout_.variables[v].num_levels(); ++l) {
        s.mean.push_back(100.0 * static_cast<double>(v) + static_cast<double>(l));
        s.stddev.push_back(1.0 + static_cast<double>(v) + 0.1 * static_cast<double>(l));
        t.stddev.push_back(0.01 * (3.0 + static_cast<double>(v) + 0.1 * static_cast<double>(l)));
      }
      state_.push_back(s);
      change_.push_back(t);
    }
  }
  const io::StoreLayout& layout() const override { return layout_; }
  const std::vector<Time>& times() const override { return layout_.times; }
  std::optional<size_t> index_of(Time) const override { return {}; }
  void read(size_t, size_t, std::span<float>) const override {}
  const io::ChannelStatistics& statistics(size_t variable) const override { return state_[variable]; }
  std::optional<io::ChannelStatistics> tendency_statistics(size_t variable, Duration lag) const override {
    return lag == hours(6) ? std::optional(change_[variable]) : std::nullopt;
  }
  std::string fingerprint() const override { return "statistics"; }
  void verify() const override {}
  std::vector<io::ChannelStatistics> state_, change_;

 private:
  io::StoreLayout layout_;
};

/// Other order of variables and levels than in the store, and not all of them.
StateLayout other_order() { return {sphere::Grid::from_spec("healpix:1"), {"msl", "t2m"}, {"q", "z"}, {500, 1000}}; }

TEST(Normaliser, TakesStatisticsByNameAndLevelNotByPosition) {
  const auto n = Normaliser::from_store(StatisticsStore(), other_order(), hours(6));
  //                                          msl  t2m q500 q1000 z500 z1000
  const std::vector<double> mean{100, 0, 301, 300, 200, 202}, stddev{2, 1, 4.1, 4, 3, 3.2};
  const std::vector<double> change{0.04, 0.03, 0.061, 0.06, 0.05, 0.052};
  ASSERT_EQ(n.statistics().mean.size(), 6U);
  for (size_t c = 0; c < 6; ++c) {
    EXPECT_DOUBLE_EQ(n.statistics().mean[c], mean[c]) << c;
    EXPECT_DOUBLE_EQ(n.statistics().stddev[c], stddev[c]) << c;
    EXPECT_DOUBLE_EQ(n.statistics().tendency_stddev[c], change[c]) << c;
  }
}

TEST(Normaliser, SubtractsTheMeanAndDividesByTheDeviation) {
  const auto n = Normaliser::from_store(StatisticsStore(), other_order(), {});
  const State x{torch::full({1, 2, 12}, 7.0, torch::kFloat64), torch::full({1, 2, 2, 12}, 7.0, torch::kFloat64)};
  const auto y = n.normalise(x);
  EXPECT_NEAR(y.surface[0][0][3].item<double>(), (7.0 - 100) / 2, 1e-12);
  EXPECT_NEAR(y.surface[0][1][3].item<double>(), 7.0, 1e-12);
  EXPECT_NEAR(y.upper[0][0][0][3].item<double>(), (7.0 - 301) / 4.1, 1e-12);
  EXPECT_NEAR(y.upper[0][1][1][3].item<double>(), (7.0 - 202) / 3.2, 1e-12);
}

TEST(Normaliser, DenormaliseRestoresTheState) {
  torch::manual_seed(1);
  const auto n = Normaliser::from_store(StatisticsStore(), other_order(), {});
  for (const auto dtype : {torch::kFloat64, torch::kFloat32}) {
    const State x{torch::randn({3, 2, 12}).to(dtype) * 50, torch::randn({3, 2, 2, 12}).to(dtype) * 50};
    const auto y = n.denormalise(n.normalise(x));
    const double tolerance = dtype == torch::kFloat64 ? 1e-12 : 1e-4;
    EXPECT_EQ(y.surface.scalar_type(), dtype);
    EXPECT_LT((y.surface - x.surface).abs().max().item<double>(), tolerance);
    EXPECT_LT((y.upper - x.upper).abs().max().item<double>(), tolerance);
  }
}

TEST(Normaliser, WorksWithoutSurfaceOrWithoutUpperVariables) {
  StateLayout surface = other_order(), upper = other_order();
  surface.upper.clear();
  upper.surface.clear();
  const auto s = Normaliser::from_store(StatisticsStore(), surface, hours(6));
  const auto u = Normaliser::from_store(StatisticsStore(), upper, hours(6));
  const State a = s.normalise({torch::zeros({1, 2, 12}), {}}), b = u.normalise({{}, torch::zeros({1, 2, 2, 12})});
  EXPECT_FALSE(a.upper.defined());
  EXPECT_FALSE(b.surface.defined());
  EXPECT_FLOAT_EQ(a.surface[0][0][0].item<float>(), -50);
  EXPECT_FLOAT_EQ(b.upper[0][1][0][0].item<float>(), -200.0F / 3);
  EXPECT_FALSE(s.scale_tendency(a).upper.defined());
  EXPECT_FALSE(u.denormalise(b).surface.defined());
}

TEST(Normaliser, ScalesTendenciesByTheRatioOfDeviations) {
  const State one{torch::ones({1, 2, 12}, torch::kFloat64), torch::ones({1, 2, 2, 12}, torch::kFloat64)};
  const auto with = Normaliser::from_store(StatisticsStore(), other_order(), hours(6)).scale_tendency(one);
  EXPECT_NEAR(with.surface[0][0][0].item<double>(), 0.04 / 2, 1e-15);
  EXPECT_NEAR(with.upper[0][0][1][0].item<double>(), 0.06 / 4, 1e-15);
  const auto without = Normaliser::from_store(StatisticsStore(), other_order(), {}).scale_tendency(one);
  EXPECT_TRUE(without.surface.equal(one.surface));
  EXPECT_TRUE(without.upper.equal(one.upper));
}

TEST(Normaliser, IdentityChangesNothing) {
  const State x{torch::randn({1, 2, 12}), torch::randn({1, 2, 2, 12})};
  const auto y = Normaliser::identity(other_order()).normalise(x);
  EXPECT_TRUE(y.surface.equal(x.surface));
  EXPECT_TRUE(y.upper.equal(x.upper));
}

TEST(Normaliser, TextAndBackKeepsEveryDigit) {
  const auto n = Normaliser::from_store(StatisticsStore(), other_order(), hours(6));
  const auto read = Normaliser::from_json(nlohmann::json::parse(n.to_json().dump()), other_order());
  EXPECT_EQ(read.statistics().mean, n.statistics().mean);
  EXPECT_EQ(read.statistics().stddev, n.statistics().stddev);
  EXPECT_EQ(read.statistics().tendency_stddev, n.statistics().tendency_stddev);
}

TEST(Normaliser, RefusesStoredStatisticsOfOtherChannels) {
  auto json = Normaliser::from_store(StatisticsStore(), other_order(), {}).to_json();
  auto layout = other_order();
  std::swap(layout.surface[0], layout.surface[1]);
  const auto e = caught([&] { Normaliser::from_json(json, layout); });
  EXPECT_EQ(e.code(), "BadStatistics");
  EXPECT_NE(e.detail().found.find("msl t2m"), std::string::npos) << e.detail().found;
  json["mean"] = {1.0, 2.0};
  EXPECT_EQ(caught([&] { Normaliser::from_json(json, other_order()); }).code(), "SizeMismatch");
}

TEST(Normaliser, NamesTheMemberOfStoredStatisticsThatIsAbsentOrOfAnotherType) {
  const auto good = Normaliser::from_store(StatisticsStore(), other_order(), hours(6)).to_json();
  const auto expect_bad = [](const nlohmann::json& json, const std::string& key, const std::string& found) {
    const auto e = caught([&] { Normaliser::from_json(json, other_order()); });
    EXPECT_EQ(e.kind() + " " + e.code(), "DataError BadStatistics");
    EXPECT_NE(e.detail().what.find(key), std::string::npos) << e.what();
    EXPECT_NE(e.detail().found.find(found), std::string::npos) << e.what();
  };
  for (const char* key : {"channels", "mean", "stddev", "tendency_stddev"}) {
    auto json = good;
    json.erase(key);
    expect_bad(json, key, "nothing");
    json[key] = "text";
    expect_bad(json, key, "string");
    json[key] = nullptr;  // what a NaN becomes in JSON is a null inside a list, below
    expect_bad(json, key, "null");
    json[key] = good[key];
    json[key][1] = nullptr;
    expect_bad(json, key, "an array with null in it");
  }
  expect_bad(nlohmann::json(), "channels", "no object but null");
  expect_bad(nlohmann::json::array({1, 2}), "channels", "no object but array");
}

TEST(Normaliser, NamesTheChannelWhoseDeviationIsZeroOrNotFinite) {
  for (double bad : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    StatisticsStore store;
    store.state_[2].stddev[2] = bad;  // z at 1000 hPa
    const auto e = caught([&] { Normaliser::from_store(store, other_order(), {}); });
    EXPECT_EQ(e.kind() + " " + e.code(), "DataError BadStatistics") << bad;
    EXPECT_NE(e.detail().what.find("z1000"), std::string::npos) << e.detail().what;
  }
  StatisticsStore store;
  store.state_[0].mean[0] = std::nan("");
  EXPECT_NE(caught([&] { Normaliser::from_store(store, other_order(), {}); }).detail().what.find("t2m"),
            std::string::npos);
  StatisticsStore still;
  still.change_[3].stddev[1] = 0;  // q at 500 hPa never changes
  EXPECT_EQ(caught([&] { Normaliser::from_store(still, other_order(), {}); }).code(), "nothing thrown");
  const auto e = caught([&] { Normaliser::from_store(still, other_order(), hours(6)); });
  EXPECT_EQ(e.code(), "BadStatistics");
  EXPECT_NE(e.detail().what.find("tendency of q500"), std::string::npos) << e.detail().what;
}

TEST(Normaliser, NamesWhatTheStoreLacks) {
  auto layout = other_order();
  layout.upper = {"q", "w"};
  auto e = caught([&] { Normaliser::from_store(StatisticsStore(), layout, {}); });
  EXPECT_EQ(e.code(), "MissingVariable");
  EXPECT_NE(std::string(e.what()).find("w"), std::string::npos);
  layout = other_order();
  layout.levels_hpa = {850, 1000};  // z has 850 hPa, q has not
  e = caught([&] { Normaliser::from_store(StatisticsStore(), layout, {}); });
  EXPECT_EQ(e.code(), "MissingLevel");
  EXPECT_NE(e.detail().what.find("q"), std::string::npos);
  EXPECT_NE(e.detail().expected.find("850"), std::string::npos);
  e = caught([&] { Normaliser::from_store(StatisticsStore(), other_order(), hours(12)); });
  EXPECT_EQ(e.code(), "MissingStatistics");
  EXPECT_NE(e.detail().what.find("12h"), std::string::npos) << e.detail().what;
}

}  // namespace
}  // namespace pear::forecast
