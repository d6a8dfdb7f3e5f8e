#include "forecast/train/dataset.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "forecast/train/augment.h"
#include "forecast/train/loader.h"
#include "tests/forecast/train/fake_store.h"

namespace pear::forecast {
namespace {
using testing::FakeStore;
using testing::six_hourly;
using testing::wind_store;

TimeSelection period(const char* start, const char* end, Duration every = hours(6)) {
  return {.period = Period{parse_time(start), parse_time(end), every}, .list = {}};
}

TEST(Pairs, BothTimesMustLieInsideThePeriod) {
  const auto store = wind_store(1, 20);
  const auto list = list_pairs(*store, period("2018-10-01", "2018-10-02"), hours(6));
  ASSERT_EQ(list.pairs.size(), 4u);  // 00, 06, 12, 18; the pair from 10-02T00 ends outside
  EXPECT_EQ(list.pairs.back().target, parse_time("2018-10-02"));
  EXPECT_EQ(list_pairs(*store, period("2018-10-01", "2018-10-02"), hours(12)).pairs.size(), 3u);
  EXPECT_EQ(list.num_dropped, 0);
}

TEST(Pairs, AMissingTimeDropsTheTwoPairsThatTouchIt) {
  const Time gap = parse_time("2018-10-01T12");
  const auto store = wind_store(1, 20, testing::turning_wind, {gap});
  const auto list = list_pairs(*store, period("2018-10-01", "2018-10-02"), hours(6));
  EXPECT_EQ(list.num_dropped, 2);
  ASSERT_EQ(list.pairs.size(), 2u);
  EXPECT_EQ(list.absent, std::vector<Time>{gap});
}

TEST(Pairs, AnEmptyPeriodIsAnErrorThatNamesTheStoresTimes) {
  const auto store = wind_store(1, 4);
  DataConfig config;
  const auto layout = layout_from_store(config, *store);
  try {
    Dataset(store, layout, period("2020-01-01", "2020-02-01"), config, "select");
    ADD_FAILURE();
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "NoPairs");
    EXPECT_NE(std::string(e.what()).find("2018-10-01"), std::string::npos) << e.what();
  }
}

std::shared_ptr<FakeStore> level_store() {
  io::StoreLayout layout;
  layout.grid = sphere::Grid(sphere::HealpixGrid{1, sphere::PixelOrder::Nested});
  layout.variables = {{"msl", "Pa", {}}, {"z", "m2 s-2", {1000, 850, 500}}, {"t", "K", {1000, 850, 500}}};
  layout.times = six_hourly(4);
  const auto formula = [](size_t v, size_t l, double h, double, double lon) {
    return 1000.0 * static_cast<double>(v) + 100.0 * static_cast<double>(l) + h + 0.01 * lon;
  };
  return std::make_shared<FakeStore>(std::move(layout), formula);
}

TEST(Dataset, TakesVariablesByNameAndLevelsByValue) {
  DataConfig config;
  config.variables = {"t", "msl", "z"};  // another order than the store
  config.levels_hpa = {500, 1000};
  const auto store = level_store();
  const auto layout = layout_from_store(config, *store);
  EXPECT_EQ(layout.surface, std::vector<std::string>{"msl"});
  EXPECT_EQ(layout.upper, (std::vector<std::string>{"t", "z"}));
  const Dataset set(store, layout, period("2018-10-01", "2018-10-01T18"), config, "train");
  const Batch batch = set.load(std::vector<int64_t>{2, 0});
  ASSERT_EQ(batch.input.upper.sizes(), (std::vector<int64_t>{2, 2, 2, 12}));
  EXPECT_NEAR(batch.input.upper[1][0][0].min().item<double>(), 2200, 0.1);  // t at 500 hPa, hour 0
  EXPECT_NEAR(batch.input.upper[0][1][1].min().item<double>(), 1012, 0.1);  // z at 1000 hPa, hour 12
  EXPECT_NEAR(batch.target.surface[0][0].min().item<double>(), 18, 0.1);    // msl, hour 18
}

TEST(Dataset, UnknownVariablesAndLevelsAreNamed) {
  DataConfig config;
  config.variables = {"z", "t"};
  config.levels_hpa = {700};
  EXPECT_THROW(layout_from_store(config, *level_store()), DataError);
  config.variables = {"q"};
  EXPECT_THROW(layout_from_store(config, *level_store()), DataError);
}

TEST(Dataset, SmallSetsAreReadOnceAndLargeOnesEveryTime) {
  for (int64_t limit : {0, 100}) {
    DataConfig config;
    config.resident_limit_mib = limit;
    const auto store = wind_store(1, 6);
    const Dataset set(store, layout_from_store(config, *store), period("2018-10-01", "2018-10-02"), config, "train");
    EXPECT_EQ(set.is_resident(), limit > 0);
    store->num_reads = 0;
    const Batch batch = set.load(std::vector<int64_t>{1});
    EXPECT_EQ(store->num_reads, limit > 0 ? 0 : 4);
    EXPECT_EQ(batch.pairs[0].input, parse_time("2018-10-01T06"));
  }
}

TEST(Dataset, ANaNIsRefusedWithChannelTimeAndCount) {
  const auto formula = [](size_t v, size_t, double h, double lat, double) {
    return v == 1 && h == 6 && lat > 0.1 ? std::numeric_limits<double>::quiet_NaN() : 1.0 + h;
  };
  const auto store = wind_store(1, 6, formula);
  DataConfig config;
  try {
    Dataset(store, layout_from_store(config, *store), period("2018-10-01", "2018-10-02"), config, "train");
    ADD_FAILURE();
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "NonFiniteInput");
    for (const char* part : {"v10", "2018-10-01T06", "4 of 12"})
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
}

/// Value of a scalar and of a wind (u, v) as functions of place, to see where a permutation carries them.
double blob(double lat, double lon) { return std::sin(lon) * std::cos(lat) + 0.3 * std::cos(2 * lon) + lat; }

void check_symmetry(const sphere::Grid& grid) {
  const auto c = grid.centres();
  const auto turn = quarter_turn_sources(grid), mirror = equator_mirror_sources(grid);
  constexpr double kRad = std::numbers::pi / 180;
  for (size_t p = 0; p < c.lat_deg.size(); ++p) {
    const double lat = c.lat_deg[p] * kRad, lon = c.lon_deg[p] * kRad;
    const auto t = static_cast<size_t>(turn[p]), m = static_cast<size_t>(mirror[p]);
    EXPECT_NEAR(blob(c.lat_deg[t] * kRad, c.lon_deg[t] * kRad), blob(lat, lon - std::numbers::pi / 2), 1e-9);
    EXPECT_NEAR(blob(c.lat_deg[m] * kRad, c.lon_deg[m] * kRad), blob(-lat, lon), 1e-9);
  }
}

TEST(Augmentation, HealpixTurnAndMirrorMoveEveryPixelExactly) { check_symmetry(sphere::Grid::from_spec("healpix:8")); }
TEST(Augmentation, LatLonTurnAndMirrorMoveEveryCellExactly) {
  check_symmetry(sphere::Grid::from_spec("latlon:18x36+half"));
}

TEST(Augmentation, MirrorTurnsTheSignOfNorthwardWindOnly) {
  const auto store = wind_store(2, 3);
  const auto layout = layout_from_store({}, *store);
  const Augmentation augmentation({"equator_mirror"}, layout, 1);
  auto channels = torch::stack({torch::ones({48}), torch::ones({48})});
  channels = augmentation.transform(channels, 0, true);
  EXPECT_FLOAT_EQ(channels[0].mean().item<float>(), 1);
  EXPECT_FLOAT_EQ(channels[1].mean().item<float>(), -1);
}

TEST(Augmentation, InputAndTargetGetTheSameTurnAndAllTurnsOccur) {
  const auto store = wind_store(2, 3);
  DataConfig config;
  const auto layout = layout_from_store(config, *store);
  const Dataset set(store, layout, period("2018-10-01", "2018-10-01T12"), config, "train");
  const Augmentation augmentation({"quarter_turn"}, layout, 1);
  const Batch original = set.load(std::vector<int64_t>{0});
  std::set<int64_t> seen;
  for (int64_t n = 0; n < 32; ++n) {
    Batch batch = original, again = original;
    augmentation.apply(batch, n);
    augmentation.apply(again, n);
    EXPECT_TRUE(torch::equal(batch.input.surface, again.input.surface));
    for (int64_t k = 0; k < 4; ++k) {
      if (!torch::equal(batch.input.surface[0], augmentation.transform(original.input.surface[0], k, false))) continue;
      seen.insert(k);
      EXPECT_TRUE(torch::equal(batch.target.surface[0], augmentation.transform(original.target.surface[0], k, false)));
    }
  }
  EXPECT_EQ(seen.size(), 4u);
}

TEST(Augmentation, GridsWithoutTheSymmetryAreRefused) {
  const auto store = wind_store(1, 3);
  auto layout = layout_from_store({}, *store);
  layout.grid = sphere::Grid::from_spec("healpix:4:ring");
  EXPECT_THROW(Augmentation({"quarter_turn"}, layout, 1), ConfigError);
  layout.grid = sphere::Grid::from_spec("latlon:16x30+half");
  EXPECT_THROW(Augmentation({"quarter_turn"}, layout, 1), ConfigError);
}

TEST(Loader, GivesTheSameBatchesWithAndWithoutReadAheadAndFromTheMiddle) {
  const auto store = wind_store(1, 12);
  DataConfig config;
  const auto layout = layout_from_store(config, *store);
  const Dataset set(store, layout, period("2018-10-01", "2018-10-03"), config, "train");
  const Augmentation none({}, layout, 1);
  const Sampler sampler(set.size(), 4, 9, false);
  const SlotPlan plan{.slots = 2, .batch = 2, .first_slot = 0, .last_slot = 2};
  Loader direct(set, sampler, none, plan, 0, 4, 0), ahead(set, sampler, none, plan, 0, 4, 3),
      middle(set, sampler, none, plan, 2, 4, 2);
  for (int i = 0; i < 8; ++i) {
    const Batch a = direct.next(), b = ahead.next();
    EXPECT_EQ(a.pairs, b.pairs);
    EXPECT_TRUE(torch::equal(a.input.surface, b.input.surface));
    if (i >= 4) {
      EXPECT_EQ(middle.next().pairs, a.pairs);
    }
  }
}

TEST(Loader, AnErrorOfTheThreadReachesTheCaller) {
  bool broken = false;
  const auto store = wind_store(1, 6, [&](size_t, size_t, double h, double, double) {
    return broken ? std::numeric_limits<double>::infinity() : h;
  });
  DataConfig config;
  config.resident_limit_mib = 0;
  const auto layout = layout_from_store(config, *store);
  const Dataset set(store, layout, period("2018-10-01", "2018-10-02"), config, "train");
  broken = true;
  const Augmentation none({}, layout, 1);
  Loader loader(set, Sampler(set.size(), 1, 1, false), none, {}, 0, 4, 2);
  EXPECT_THROW(loader.next(), DataError);
}

}  // namespace
}  // namespace pear::forecast
