#include "forecast/verify/sums.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/error.h"
#include "forecast/verify/metrics.h"
#include "forecast/verify/table_file.h"
#include "forecast/verify/weights.h"

namespace pear::forecast {
namespace {

constexpr float kNanFloat = std::numeric_limits<float>::quiet_NaN();

/// Smooth in no way and never the same twice, so that any other order of addition shows in the bits.
std::vector<float> noise(int64_t n, double phase) {
  std::vector<float> x(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(280 + 30 * std::sin(12.9898 * static_cast<double>(i) + phase) +
                              0.001 * std::sin(78.233 * static_cast<double>(i)));
  return x;
}

RegionSums make_sums(const sphere::Grid& grid, const std::vector<std::string>& names) {
  const auto weights = cell_weights(grid, area_weights_from("auto", grid));
  std::vector<Region> regions;
  for (const auto& name : names) regions.push_back(make_region(name, grid, weights));
  return RegionSums(grid, std::move(regions));
}

TEST(Sums, HoldTheTenWeightedSums) {
  const auto grid = sphere::Grid::from_spec("latlon:3x4+poles");
  const auto sums = make_sums(grid, {"global"});
  const std::vector<float> f{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, o{2, 2, 2, 2, 4, 4, 4, 4, 9, 9, 9, 9},
      c{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  PairSums s;
  EXPECT_EQ(sums.accumulate({f, o, c}, {&s, 1}), 0);
  const auto& w = sums.regions()[0].weights;
  PairSums expected{};
  for (size_t i = 0; i < 12; ++i) {
    const double e = f[i] - o[i], a = f[i] - c[i], b = o[i] - c[i];
    const double terms[] = {1 / w[i], 1, e, std::abs(e), e * e, a, b, a * a, b * b, a * b};
    for (size_t k = 0; k < kNumStatistics; ++k) expected[k] += w[i] * terms[k];
  }
  for (size_t k = 0; k < kNumStatistics; ++k) EXPECT_NEAR(s[k], expected[k], 1e-12) << kStatisticNames[k];
  EXPECT_EQ(s[kCount], 12);
}

TEST(Sums, AreTheSameBitsForOneAndFourThreads) {
  for (const char* spec : {"healpix:32", "healpix:2", "healpix:10:ring", "latlon:61x120+poles", "gaussian:O32"}) {
    const auto grid = sphere::Grid::from_spec(spec);
    const auto sums = make_sums(grid, {"global", "nh", "europe"});
    const auto f = noise(grid.num_cells(), 0.1), o = noise(grid.num_cells(), 0.2), c = noise(grid.num_cells(), 0.3);
    std::vector<PairSums> one(3), four(3);
    omp_set_num_threads(1);
    sums.accumulate({f, o, c}, one);
    omp_set_num_threads(4);
    sums.accumulate({f, o, c}, four);
    omp_set_num_threads(2);
    EXPECT_EQ(one, four) << spec;
  }
}

TEST(Sums, BlocksAreRowsOrNsideEightParents) {
  EXPECT_EQ(block_starts(sphere::Grid::from_spec("healpix:64")).size(), 769u);
  EXPECT_EQ(block_starts(sphere::Grid::from_spec("healpix:64"))[1], 64);
  EXPECT_EQ(block_starts(sphere::Grid::from_spec("healpix:4")).size(), 193u);
  const auto rows = block_starts(sphere::Grid::from_spec("latlon:3x4+poles"));
  EXPECT_EQ(rows, (std::vector<int64_t>{0, 4, 8, 12}));
}

TEST(Sums, TruthAgainstItselfHasNoErrorAndFullCorrelation) {
  const auto grid = sphere::Grid::from_spec("healpix:16");
  const auto sums = make_sums(grid, {"global"});
  const auto o = noise(grid.num_cells(), 0.2), c = noise(grid.num_cells(), 0.3);
  PairSums s;
  sums.accumulate({o, o, c}, {&s, 1});
  EXPECT_EQ(evaluate(find_metric("rmse"), {&s, 1}), 0);
  for (const char* acc : {"acc_wb2", "acc_pooled", "acc_wmo", "acc_pooled_centred"})
    EXPECT_NEAR(evaluate(find_metric(acc), {&s, 1}), 1, 1e-12) << acc;
}

TEST(Sums, AConstantMovesTheBiasButNotTheCentredCorrelation) {
  const auto grid = sphere::Grid::from_spec("healpix:16");
  const auto sums = make_sums(grid, {"global"});
  const auto f = noise(grid.num_cells(), 0.1), o = noise(grid.num_cells(), 0.2), c = noise(grid.num_cells(), 0.3);
  auto moved = f;
  for (float& x : moved) x += 16;
  PairSums s, t;
  sums.accumulate({f, o, c}, {&s, 1});
  sums.accumulate({moved, o, c}, {&t, 1});
  const double before = evaluate(find_metric("bias"), {&s, 1}), after = evaluate(find_metric("bias"), {&t, 1});
  EXPECT_NEAR(after - before, 16, 1e-5);  // float32 fields near 300
  EXPECT_NEAR(evaluate(find_metric("acc_wmo"), {&s, 1}), evaluate(find_metric("acc_wmo"), {&t, 1}), 1e-6);
  EXPECT_GT(std::abs(evaluate(find_metric("acc_wb2"), {&s, 1}) - evaluate(find_metric("acc_wb2"), {&t, 1})), 1e-3);
}

TEST(Sums, AQuarterTurnOnHealpixLeavesGlobalScores) {
  // Nested numbering: a turn by 90 degrees takes base pixel b to the next of its ring of four.
  const auto grid = sphere::Grid::from_spec("healpix:16");
  const int64_t face = grid.num_cells() / 12;
  const auto turn = [&](const std::vector<float>& x) {
    std::vector<float> y(x.size());
    for (int64_t i = 0; i < grid.num_cells(); ++i) {
      const int64_t b = i / face;
      y[static_cast<size_t>((b / 4 * 4 + (b % 4 + 1) % 4) * face + i % face)] = x[static_cast<size_t>(i)];
    }
    return y;
  };
  const auto sums = make_sums(grid, {"global", "nh"});
  const auto f = noise(grid.num_cells(), 0.1), o = noise(grid.num_cells(), 0.2), c = noise(grid.num_cells(), 0.3);
  std::vector<PairSums> s(2), t(2);
  sums.accumulate({f, o, c}, s);
  sums.accumulate({turn(f), turn(o), turn(c)}, t);
  for (size_t r = 0; r < 2; ++r)
    for (size_t k = 0; k < kNumStatistics; ++k) EXPECT_NEAR(s[r][k], t[r][k], 1e-9 * std::abs(s[r][k]) + 1e-9);
}

TEST(Sums, LeaveNonFiniteCellsOutAndCountThem) {
  const auto grid = sphere::Grid::from_spec("latlon:3x4+poles");
  const auto sums = make_sums(grid, {"global", "sh"});
  std::vector<float> f(12, 2.0f), o(12, 1.0f);
  f[5] = kNanFloat;  // on the equator
  std::vector<PairSums> s(2);
  EXPECT_EQ(sums.accumulate({f, o, {}}, s), 1);
  EXPECT_EQ(s[0][kCount], 11);
  EXPECT_NEAR(s[0][kE] / s[0][kWeight], 1, 1e-15);
  EXPECT_EQ(s[1][kCount], 4);
  EXPECT_EQ(sums.first_non_finite(f), 5);
  EXPECT_THROW(sums.accumulate({f, std::span(o).first(4), {}}, s), ShapeError);
}

TEST(Sums, NanInCellsWithoutWeightDoesNotSpread) {
  const auto grid = sphere::Grid::from_spec("latlon:3x4+poles");
  RegionSums sums(grid, {make_region("global", grid, cell_weights(grid, AreaWeights::CosLat))});
  std::vector<float> f(12, 2.0f), o(12, 1.0f);
  f[0] = kNanFloat;  // a pole: weight 0
  PairSums s;
  EXPECT_EQ(sums.accumulate({f, o, {}}, {&s, 1}), 0);
  EXPECT_EQ(s[kCount], 4);
  EXPECT_EQ(evaluate(find_metric("rmse"), {&s, 1}), 1);
}

SumsTable example(const std::vector<Time>& init) {
  SumsTable t;
  t.models = {"pear", "persistence"};
  t.init = init;
  t.leads = {hours(6), hours(12)};
  t.variables = {{"t2m", "K", {}}, {"z", "m2 s-2", {500, 850}}};
  t.regions = {"global", "nh"};
  t.definition = {{"variables", {"t2m", "z"}}, {"weights", "equal"}};
  t.allocate();
  for (size_t m = 0; m < 2; ++m)
    for (size_t i = 0; i < init.size(); ++i)
      for (size_t l = 0; l < 2; ++l)
        for (size_t c = 0; c < 3; ++c)
          for (size_t r = 0; r < 2; ++r)
            for (size_t k = 0; k < kNumStatistics; ++k)
              t.at(m, i, l, c)[r][k] = std::sin(static_cast<double>(init[i].seconds / 3600 + 1000 * m + 100 * l) +
                                                10.1 * static_cast<double>(c) + 3.7 * static_cast<double>(r)) +
                                       0.1 * static_cast<double>(k);
  return t;
}
std::vector<Time> times(std::initializer_list<int> hours_since) {
  std::vector<Time> out;
  for (const int h : hours_since) out.push_back(parse_time("2018-10-01") + hours(h));
  return out;
}

TEST(SumsTable, FileRoundTripKeepsEveryBit) {
  const auto path = std::filesystem::temp_directory_path() / "pear_sums_test.nc";
  const auto table = example(times({0, 6, 12}));
  table.write(path, "{}");
  const auto back = SumsTable::read(path);
  EXPECT_EQ(back.data, table.data);
  EXPECT_EQ(back.variables, table.variables);
  EXPECT_EQ(back.models, table.models);
  EXPECT_EQ(back.leads, table.leads);
  EXPECT_EQ(back.init, table.init);
  EXPECT_EQ(back.definition, table.definition);
  std::filesystem::remove(path);
}

/// A file whose arrays are sound and small, with this definition.
std::filesystem::path sums_file(const std::string& definition, size_t values) {
  const auto path = std::filesystem::temp_directory_path() / "pear_damaged_sums.nc";
  auto file = TableFile::create(path);
  file.define_dim("one", 1);
  file.define_dim("many", values);
  for (const char* name : {"model", "region"}) file.define(name, TableFile::Type::String, {"one"});
  for (const char* name : {"statistic", "init_time", "lead_time"}) file.define(name, TableFile::Type::Double, {"one"});
  file.define("z", TableFile::Type::Double, {"many"});
  file.set_attribute("pear_definition", definition);
  for (const char* name : {"model", "region"}) file.put(name, std::vector<std::string>{"x"});
  for (const char* name : {"statistic", "init_time", "lead_time"}) file.put(name, std::vector<double>{0});
  file.put("z", std::vector<double>(values, 1));
  file.close();
  return path;
}

TEST(SumsTable, DamagedFilesAreRefusedByName) {
  const auto code = [](const std::string& definition, size_t values) -> std::string {
    const auto path = sums_file(definition, values);
    try {
      SumsTable::read(path);
    } catch (const Error& e) {
      return e.code();
    }
    return "no error";
  };
  EXPECT_EQ(code(R"({"variables": ["z"]})", kNumStatistics), "no error");
  EXPECT_EQ(code(R"({"variables": ["z"]})", kNumStatistics - 1), "BadSums");
  EXPECT_EQ(code(R"({"variables": [5]})", kNumStatistics), "BadSums");
  for (const char* definition : {"{", "[]", "{}"}) EXPECT_EQ(code(definition, kNumStatistics), "BadSums") << definition;
  std::filesystem::remove(std::filesystem::temp_directory_path() / "pear_damaged_sums.nc");
}

TEST(SumsTable, MergeOfSplitTimesEqualsOnePass) {
  const auto whole = example(times({0, 6, 12, 18, 24}));
  const auto merged = SumsTable::merge({example(times({6, 24})), example(times({0, 12, 18}))});
  EXPECT_EQ(merged.init, whole.init);
  EXPECT_EQ(merged.data, whole.data);
}

TEST(SumsTable, MergeRefusesOverlapsAndOtherDefinitions) {
  EXPECT_THROW(SumsTable::merge({example(times({0, 6})), example(times({6, 12}))}), DataError);
  auto other = example(times({6, 12}));
  other.definition["weights"] = "coslat";
  try {
    SumsTable::merge({example(times({0})), other});
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(error.code(), "DefinitionMismatch");
    EXPECT_NE(std::string(error.what()).find("weights"), std::string::npos);
  }
}

TEST(TreeSum, IsExactOnIntegersAndEmptyIsZero) {
  EXPECT_EQ(tree_sum({}), 0);
  std::vector<double> x;
  for (int i = 1; i <= 100; ++i) x.push_back(i);
  EXPECT_EQ(tree_sum(x), 5050);
}

}  // namespace
}  // namespace pear::forecast
