#include "forecast/verify/climatology.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "forecast/verify/climatology_keys.h"
#include "tests/forecast/verify/fake_store.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;
using test::FakeStore;

io::StoreLayout layout(std::vector<Time> times) {
  io::StoreLayout l;
  l.grid = sphere::Grid::from_spec("healpix:1");
  l.variables = {{"t2m", "K", {}}, {"z", "m2 s-2", {500, 850}}};
  l.times = std::move(times);
  return l;
}
/// Year since 2000, scaled by the hour; cells and levels differ.
float by_year(size_t variable, size_t level, Time t, int64_t cell) {
  const auto c = civil_from_time(t);
  return static_cast<float>(c.year - 2000 + 100 * c.hour + 1000 * static_cast<int64_t>(variable) +
                            10000 * static_cast<int64_t>(level) + cell);
}
TimeSelection all_of(const FakeStore& store) {
  TimeSelection s;
  s.list = store.layout().times;
  return s;
}

class ClimatologyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("pear_climatology_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path file() const { return folder_ / "c.nc"; }
  fs::path folder_;
};

float value(const Climatology& c, const char* name, const char* time, size_t level, size_t cell) {
  const size_t v = c.variable_index(name);
  std::vector<float> out(static_cast<size_t>(c.variables()[v].num_levels() * c.grid().num_cells()));
  c.read(v, parse_time(time), out);
  return out[level * 12 + cell];
}

TEST_F(ClimatologyTest, CustomAveragesThePeriodByHour) {
  const FakeStore store(layout(test::every("2001-01-01", hours(12), 4)), [](size_t, size_t, Time t, int64_t cell) {
    return static_cast<float>((t - parse_time("2001-01-01")).seconds / 3600 + cell);
  });
  const auto c = make_climatology(store, {}, all_of(store), file());
  EXPECT_FLOAT_EQ(value(*c, "t2m", "2018-07-01T00", 0, 3), 12 + 3);  // 0 h and 24 h
  EXPECT_FLOAT_EQ(value(*c, "t2m", "2018-07-01T12", 0, 0), 24);      // 12 h and 36 h
  EXPECT_THROW(value(*c, "t2m", "2018-07-01T06", 0, 0), DataError);
  ClimatologyConfig all;
  all.by_hour = false;
  const auto d = make_climatology(store, all, all_of(store), file());
  EXPECT_FLOAT_EQ(value(*d, "z", "2018-07-01T06", 1, 0), 18);
}

TEST_F(ClimatologyTest, PearAveragesTheSameCalendarDay) {
  std::vector<Time> times;
  for (int year = 2003; year <= 2005; ++year)
    for (const char* day : {"-02-28", "-03-01"}) times.push_back(parse_time(std::to_string(year) + day));
  times.push_back(parse_time("2004-02-29"));
  std::sort(times.begin(), times.end());
  const FakeStore store(layout(times), by_year);
  ClimatologyConfig config;
  config.kind = "pear";
  EXPECT_THROW(make_climatology(store, config, all_of(store), file()), DataError);  // most days have no sample
  config.allow_sparse = true;
  const auto c = make_climatology(store, config, all_of(store), file());
  EXPECT_FLOAT_EQ(value(*c, "t2m", "2019-02-28", 0, 0), 4);
  EXPECT_FLOAT_EQ(value(*c, "t2m", "2019-03-01", 0, 0), 4);  // also after 29 February: by calendar day
  EXPECT_FLOAT_EQ(value(*c, "t2m", "2020-02-29", 0, 0), 4);  // one sample
  EXPECT_FLOAT_EQ(value(*c, "z", "2019-02-28", 1, 2), 4 + 1000 + 10000 + 2);
  EXPECT_THROW(value(*c, "t2m", "2019-05-01", 0, 0), DataError);
}

TEST_F(ClimatologyTest, Wb2SmoothsWithItsWindow) {
  const auto w = wb2_window();
  EXPECT_EQ(w.size(), 61u);
  EXPECT_NEAR(w[30], 61.0 / 30, 1e-14);
  EXPECT_EQ(std::count_if(w.begin(), w.end(), [](double x) { return x > 0; }), 59);
  double sum = 0;
  for (const double x : w) sum += x;
  EXPECT_NEAR(sum, 61, 1e-12);

  // One ordinary and one leap year; a spike of 1 on ordinal day 100 of both years.
  auto l = layout(test::every("2015-01-01", hours(24), 365 + 366));
  l.variables = {{"t2m", "K", {}}};
  const FakeStore store(l, [](size_t, size_t, Time t, int64_t) { return day_of_year(t) == 100 ? 1.0f : 0.0f; });
  ClimatologyConfig config;
  config.kind = "wb2";
  const auto c = make_climatology(store, config, all_of(store), file());
  const float peak = static_cast<float>(1.0 / 30);                    // w[30] / 61
  EXPECT_NEAR(value(*c, "t2m", "2019-04-10", 0, 0), peak, 1e-7);      // day 100
  EXPECT_NEAR(value(*c, "t2m", "2019-04-25", 0, 0), peak / 2, 1e-7);  // 15 days later
  EXPECT_EQ(value(*c, "t2m", "2019-05-10", 0, 0), 0);                 // 30 days later
}

TEST_F(ClimatologyTest, Day366IsFilledFromDay365AndTheWindowWraps) {
  auto l = layout(test::every("2015-01-01", hours(24), 365 + 366));
  l.variables = {{"t2m", "K", {}}};
  const FakeStore store(l, [](size_t, size_t, Time t, int64_t) { return t == parse_time("2015-12-31") ? 1.0f : 0.0f; });
  ClimatologyConfig config;
  config.kind = "wb2";
  const auto c = make_climatology(store, config, all_of(store), file());
  // The spike stands on days 365 and 366 of one year of two: on day 1, one and two days away.
  EXPECT_NEAR(value(*c, "t2m", "2019-01-01", 0, 0), 0.5 * (29.0 / 30 + 28.0 / 30) / 30, 1e-7);
}

TEST_F(ClimatologyTest, AnEqualDefinitionIsNotComputedAgain) {
  int reads = 0;
  const FakeStore store(layout(test::every("2001-01-01", hours(24), 3)), [&](size_t, size_t, Time, int64_t) {
    ++reads;
    return 1.0f;
  });
  make_climatology(store, {}, all_of(store), file());
  const int first = reads;
  const auto again = make_climatology(store, {}, all_of(store), file());
  EXPECT_EQ(reads, first);
  EXPECT_EQ(again->definition().at("period").at("count"), 3);
  TimeSelection shorter;
  shorter.list = {parse_time("2001-01-01")};
  make_climatology(store, {}, shorter, file());
  EXPECT_GT(reads, first);
}

TEST_F(ClimatologyTest, APeriodOutsideTheStoreIsRefused) {
  const FakeStore store(layout(test::every("2001-01-01", hours(24), 3)), by_year);
  TimeSelection other;
  other.list = {parse_time("1999-01-01")};
  EXPECT_THROW(make_climatology(store, {}, other, file()), DataError);
}

}  // namespace
}  // namespace pear::forecast
