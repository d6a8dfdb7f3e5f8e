#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "forecast/studies/comparison_arm.h"
#include "forecast/studies/comparison_page.h"
#include "forecast/studies/comparison_scores.h"
#include "forecast/studies/experiment_config.h"

namespace pear::forecast {
namespace {

constexpr size_t kDates = 12;

/// One channel, one lead; mean squared error `square(date)` in both models (the arm and persistence).
template <class Square>
SumsTable table_with(const Square& square) {
  SumsTable t;
  t.models = {"arm", "persistence"};
  for (size_t i = 0; i < kDates; ++i) t.init.push_back(Time{static_cast<int64_t>(i) * 86400});
  t.leads = {Duration{86400}};
  t.variables = {{"z", "m2 s-2", {500}}};
  t.regions = {"global"};
  t.allocate();
  for (size_t m = 0; m < 2; ++m)
    for (size_t i = 0; i < kDates; ++i) {
      PairSums& s = t.at(m, i, 0, 0)[0];
      s[kCount] = 1, s[kWeight] = 1, s[kE2] = m == 0 ? square(i) : 100;
    }
  return t;
}

/// Bounded, uncorrelated from date to date.
double wiggle(size_t i) { return 0.01 * (static_cast<double>((i * 7 + 3) % 12) - 5.5); }

ComparisonOptions options() {
  ComparisonOptions o{.grid = "g", .baseline = "base", .metrics = {"rmse"}};
  o.bootstrap.samples = 200;
  return o;
}

TEST(ComparisonOfArms, ASmallerErrorOnEveryDateAndSeedIsBetter) {
  ArmSums sums;
  for (int seed = 0; seed < 3; ++seed) {
    sums["base"].push_back(table_with([](size_t i) { return 4 + wiggle(i); }));
    sums["arm"].push_back(table_with([&](size_t i) { return 1 + 0.02 * seed - wiggle(i); }));
  }
  const auto r = compare_arms(sums, options());
  ASSERT_EQ(r.rows.size(), 2u);
  ASSERT_EQ(r.tests.size(), 1u);
  EXPECT_NEAR(r.rows[1].mean, 2, 1e-3);
  EXPECT_NEAR(r.rows[0].by_seed[2], std::sqrt(1.04), 1e-3);
  EXPECT_EQ(r.rows[0].references.at("persistence"), 10);
  EXPECT_LT(r.tests[0].ci_high, 0);
  EXPECT_LE(r.tests[0].ci_low, r.tests[0].difference);
  EXPECT_GE(r.tests[0].ci_high, r.tests[0].difference);
  EXPECT_EQ(r.tests[0].verdict, "better");
}

TEST(ComparisonOfArms, SeedsThatDisagreeLeaveItOpen) {
  ArmSums sums;
  for (int seed = 0; seed < 3; ++seed) {
    sums["base"].push_back(table_with([](size_t i) { return 4 + wiggle(i); }));
    sums["arm"].push_back(table_with([&](size_t i) { return (seed == 2 ? 4.4 : 3.0) - wiggle(i); }));
  }
  const auto r = compare_arms(sums, options());
  EXPECT_LT(r.tests[0].p_dates, 0.01);  // over dates alone it would look clear
  EXPECT_FALSE(r.tests[0].same_sign);
  EXPECT_EQ(r.tests[0].verdict, "open");
}

TEST(ComparisonOfArms, EqualArmsDoNotDiffer) {
  ArmSums sums;
  sums["arm"] = sums["base"] = {table_with([](size_t i) { return 4 + wiggle(i); })};
  const auto r = compare_arms(sums, options());
  EXPECT_EQ(r.tests[0].difference, 0);
  EXPECT_EQ(r.tests[0].verdict, "open");
  EXPECT_TRUE(std::isnan(r.rows[0].spread));  // one seed has no spread
}

TEST(ComparisonOfArms, OtherInitialTimesAreRefused) {
  ArmSums sums;
  sums["base"] = {table_with([](size_t) { return 1.0; })};
  auto fewer = sums["base"][0].init;
  fewer.pop_back();
  sums["arm"] = {sums["base"][0].select(fewer)};
  try {
    (void)compare_arms(sums, options());
    FAIL() << "accepted";
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "DefinitionMismatch");
  }
}

TEST(ComparisonOfArms, TestOverThreeSeedsIsStudentsWithTwoDegrees) {
  // t = 2 / (1 / sqrt 3); for two degrees of freedom p = 1 - t / sqrt(2 + t^2).
  const double t = 2 * std::sqrt(3.0);
  EXPECT_NEAR(t_test_p({1, 2, 3}), 1 - t / std::sqrt(2 + t * t), 1e-9);
  EXPECT_TRUE(std::isnan(t_test_p({1})));
  EXPECT_EQ(t_test_p({2, 2}), 0);
}

TEST(ComparisonText, PagesNameArmsGridsAndVerdicts) {
  ArmSums sums;
  for (int seed = 0; seed < 2; ++seed) {
    sums["base"].push_back(table_with([](size_t i) { return 4 + wiggle(i); }));
    sums["a<b"].push_back(table_with([](size_t i) { return 1 - wiggle(i); }));
  }
  ComparisonContent c{.baseline = "base", .seeds = {1, 2}, .costs = {}};
  for (const char* name : {"base", "a<b"})
    c.costs.push_back({.name = name, .grid = "g", .seconds_per_step = {0.5, NAN}, .peak_memory_gib = {1, 2}});
  c.score_grids = {"g"};
  c.scores = {compare_arms(sums, options())};
  EXPECT_NE(comparison_text(c).find("better"), std::string::npos);
  const std::string csv = comparison_csv(c);
  const auto columns = [](const std::string& line) { return std::count(line.begin(), line.end(), ','); };
  size_t start = 0;
  for (size_t end = csv.find('\n'); end != std::string::npos; start = end + 1, end = csv.find('\n', start))
    EXPECT_EQ(columns(csv.substr(start, end - start)), 22);
  const auto json = comparison_json(c);
  EXPECT_EQ(json.at("rows").size(), 2u);
  EXPECT_TRUE(json.at("arms")[0].at("seconds_per_step")[1].is_null());
  const auto figures = comparison_figures(c);
  ASSERT_EQ(figures.size(), 1u);
  EXPECT_EQ(figures[0].file_name, "curves_z500_g.svg");
  const std::string page = comparison_page(c, figures);
  EXPECT_EQ(page.find("a<b"), std::string::npos);  // escaped
  EXPECT_NE(page.find("a&lt;b"), std::string::npos);
}

TEST(ResolvedModel, SpellsOutWhatVariantAndFidelityMean) {
  ModelConfig published{.name = "pangu_twin"};
  published.variant = "published";
  const auto p = resolved_model(published);
  EXPECT_EQ(p.at("norm"), "pre");
  EXPECT_EQ(p.at("lon_mask"), "split_last");
  EXPECT_EQ(p.at("position_bias"), "earth_specific");
  ModelConfig faithful, corrected;
  corrected.fidelity = "corrected";
  EXPECT_EQ(resolved_model(faithful).at("level_crop"), "last");
  EXPECT_EQ(resolved_model(corrected).at("level_crop"), "first");
  EXPECT_FALSE(resolved_model(corrected).contains("lon_mask"));
}

TEST(ComparisonConfig, NonsenseIsRefusedByKey) {
  ExperimentConfig c;
  c.name = "grid_comparison";
  c.arms["one"].model.name = "persistence";
  c.arms["one"].grid = "cube:3";
  c.baseline = "other", c.seeds = {1, 1}, c.score_grids = {"own", "nowhere"};
  ConfigIssues issues;
  c.validate(issues, "experiment");
  c.arms["one"].validate(issues, "experiment.arms.one");
  std::vector<std::string> keys;
  for (const auto& issue : issues.issues()) keys.push_back(issue.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"experiment.arms", "experiment.baseline", "experiment.seeds",
                                            "experiment.score_grids", "experiment.arms.one.grid",
                                            "experiment.arms.one.model.name"}));
}

TEST(ComparisonFiles, GridsBecomeWordsOfFileNames) {
  EXPECT_EQ(file_name_of("latlon:48x64+half"), "latlon_48x64_half");
}

}  // namespace
}  // namespace pear::forecast
