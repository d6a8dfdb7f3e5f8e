#include "forecast/verify/climatology.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "forecast/verify/climatology_keys.h"
#include "forecast/verify/table_file.h"
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
TimeSelection all_of(const io::Store& store) {
  TimeSelection s;
  s.list = store.layout().times;
  return s;
}

template <class Work>
std::string code_of(Work work) {
  try {
    work();
  } catch (const Error& e) {
    return e.code();
  }
  return "none";
}

class ClimatologyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("pear_climatology_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  /// Request over everything in a store that outlives it.
  ClimatologyRequest request(const io::Store& store, const ClimatologyConfig& config = {}) const {
    return {.store = std::shared_ptr<const io::Store>(std::shared_ptr<void>(), &store),
            .config = config,
            .default_period = all_of(store),
            .folder = folder_,
            .provenance = {{"note", "test"}}};
  }
  std::shared_ptr<const Climatology> make(const io::Store& store, const ClimatologyConfig& config = {}) const {
    return make_climatology(request(store, config));
  }
  fs::path folder_;
};

float value(const Climatology& c, const char* name, const char* time, size_t level, size_t cell) {
  const size_t v = c.variable_index(name);
  std::vector<float> out(static_cast<size_t>(c.variables()[v].num_levels() * c.grid().num_cells()));
  c.read(v, parse_time(time), out);
  return out[level * 12 + cell];
}

TEST_F(ClimatologyTest, MeanAveragesThePeriodByHour) {
  const FakeStore store(layout(test::every("2001-01-01", hours(12), 4)), [](size_t, size_t, Time t, int64_t cell) {
    return static_cast<float>((t - parse_time("2001-01-01")).seconds / 3600 + cell);
  });
  const auto c = make(store);
  EXPECT_FLOAT_EQ(value(*c, "t2m", "2018-07-01T00", 0, 3), 12 + 3);  // 0 h and 24 h
  EXPECT_FLOAT_EQ(value(*c, "t2m", "2018-07-01T12", 0, 0), 24);      // 12 h and 36 h
  EXPECT_THROW(value(*c, "t2m", "2018-07-01T06", 0, 0), DataError);
  ClimatologyConfig all;
  all.by_hour = false;
  const auto d = make(store, all);
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
  EXPECT_THROW(make(store, config), DataError);  // most days have no sample
  config.allow_sparse = true;
  const auto c = make(store, config);
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
  const auto c = make(store, config);
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
  const auto c = make(store, config);
  // The spike stands on days 365 and 366 of one year of two: on day 1, one and two days away.
  EXPECT_NEAR(value(*c, "t2m", "2019-01-01", 0, 0), 0.5 * (29.0 / 30 + 28.0 / 30) / 30, 1e-7);
}

TEST_F(ClimatologyTest, AnEqualDefinitionIsNotComputedAgain) {
  int reads = 0;
  const FakeStore store(layout(test::every("2001-01-01", hours(24), 3)), [&](size_t, size_t, Time, int64_t) {
    ++reads;
    return 1.0f;
  });
  make(store);
  const int first = reads;
  const auto again = make(store);
  EXPECT_EQ(reads, first);
  EXPECT_EQ(again->definition().at("period").at("count"), 3);
  TimeSelection shorter;
  shorter.list = {parse_time("2001-01-01")};
  auto other = request(store);
  other.default_period = shorter;
  EXPECT_EQ(make_climatology(other)->definition().at("period").at("count"), 1);
  EXPECT_GT(reads, first);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 2);  // one file per definition
}

TEST_F(ClimatologyTest, APeriodOutsideTheStoreIsRefused) {
  const FakeStore store(layout(test::every("2001-01-01", hours(24), 3)), by_year);
  TimeSelection other;
  other.list = {parse_time("1999-01-01")};
  auto r = request(store);
  r.default_period = other;
  EXPECT_EQ(code_of([&] { make_climatology(r); }), "MissingTime");
  r.default_period = {};
  EXPECT_EQ(code_of([&] { make_climatology(r); }), "MissingKey");
}

TEST_F(ClimatologyTest, GaussianWindowIsAWeightedMeanOverDaysAndYears) {
  const auto by_day = [](Time t) {  // no symmetry, no linear trend
    return 3 * std::sin(0.05 * day_of_year(t)) + 0.01 * day_of_year(t) * static_cast<double>(t.seconds % 7);
  };
  auto l = layout(test::every("2015-01-01", hours(24), 365 + 366));
  l.variables = {{"t2m", "K", {}}};
  const FakeStore store(l, [&](size_t, size_t, Time t, int64_t) { return static_cast<float>(by_day(t)); });
  ClimatologyConfig config;
  config.kind = "windowed";
  config.window = 11;
  const auto c = make(store, config);
  for (const int day : {1, 3, 100, 365, 366}) {
    double sum = 0, weight = 0;
    for (const Time t : l.times)
      for (int copy = 0; copy < 2; ++copy) {
        // In 2015 day 365 also stands for day 366.
        if (copy == 1 && t != parse_time("2015-12-31")) continue;
        const int d = day_of_year(t) + copy;
        const int apart = std::min(std::abs(d - day), 366 - std::abs(d - day));
        if (apart > 5) continue;
        const double w = std::exp(-0.5 * apart * apart / (2.2 * 2.2));
        sum += w * static_cast<double>(static_cast<float>(by_day(t)));
        weight += w;
      }
    const Time valid = parse_time("2020-01-01") + Duration{(day - 1) * 86400};
    EXPECT_NEAR(value(*c, "t2m", format_time(valid).c_str(), 0, 0), sum / weight, 2e-6) << "day " << day;
  }
}

/// 280 + cell + 10 cos(2 pi f) - 3 sin(4 pi f) with f the part of the year, plus `noise`.
double seasonal(Time t, int64_t cell) {
  const int64_t year = civil_from_time(t).year;
  const double days = year % 4 == 0 ? 366 : 365;
  const double f = static_cast<double>((t - time_from_civil({.year = year})).seconds) / 86400 / days;
  return 280 + static_cast<double>(cell) + 10 * std::cos(2 * M_PI * f) - 3 * std::sin(4 * M_PI * f);
}

TEST_F(ClimatologyTest, HarmonicsRecoverTheSeasonsOfTwoYearsUnderNoise) {
  auto l = layout(test::every("2015-01-01", hours(24), 365 + 366));
  // Alternating noise of size 4: its projection on the waves is of the order of 4 / 731.
  const FakeStore store(l, [&](size_t variable, size_t level, Time t, int64_t cell) {
    const double noise = variable == 0 ? 0 : (t.seconds / 86400 % 2 == 0 ? 4 : -4);
    return static_cast<float>(seasonal(t, cell) + 100 * static_cast<double>(level) + noise);
  });
  ClimatologyConfig config;
  config.kind = "harmonics";
  const auto c = make(store, config);
  EXPECT_EQ(c->definition().at("num_harmonics"), 2);
  constexpr double kFloatRounding = 1e-4;  // of values near 300, five terms
  for (const char* time : {"2015-01-01", "2016-02-29", "2019-03-01", "2020-02-29", "2020-12-31", "2021-07-05"}) {
    EXPECT_NEAR(value(*c, "t2m", time, 0, 5), seasonal(parse_time(time), 5), kFloatRounding) << time;
    EXPECT_NEAR(value(*c, "z", time, 1, 11), seasonal(parse_time(time), 11) + 100, 0.05) << time;
  }
  EXPECT_EQ(code_of([&] { value(*c, "t2m", "2020-01-01T06", 0, 0); }), "MissingTime");
  config.by_hour = false;
  const auto all_hours = make(store, config);
  EXPECT_NEAR(value(*all_hours, "t2m", "2020-06-01T18", 0, 5), seasonal(parse_time("2020-06-01T18"), 5),
              kFloatRounding);
}

TEST_F(ClimatologyTest, HarmonicsWithGapsAreTheLeastSquaresFit) {
  // The first year lacks June, the second has only every third day: columns are far from orthogonal.
  std::vector<Time> times;
  for (const Time t : test::every("2015-01-01", hours(24), 365 + 366)) {
    const auto c = civil_from_time(t);
    if (c.year == 2015 ? c.month != 6 : day_of_year(t) % 3 == 0) times.push_back(t);
  }
  auto l = layout(times);
  l.variables = {{"t2m", "K", {}}};
  const FakeStore store(l, [](size_t, size_t, Time t, int64_t cell) { return static_cast<float>(seasonal(t, cell)); });
  ClimatologyConfig config;
  config.kind = "harmonics";
  const auto c = make(store, config);
  EXPECT_NEAR(value(*c, "t2m", "2019-06-15", 0, 2), seasonal(parse_time("2019-06-15"), 2), 1e-4);
}

TEST_F(ClimatologyTest, HarmonicsAreApartForEachHour) {
  auto l = layout(test::every("2015-01-01", hours(12), 2 * 365));
  l.variables = {{"t2m", "K", {}}};
  const FakeStore store(l, [](size_t, size_t, Time t, int64_t) {
    return static_cast<float>(civil_from_time(t).hour == 0 ? 1.0 : seasonal(t, 0));
  });
  const auto c = make(store);  // auto: a year is enough
  EXPECT_EQ(c->definition().at("kind"), "harmonics");
  EXPECT_NEAR(value(*c, "t2m", "2020-08-01T00", 0, 0), 1, 1e-6);
  EXPECT_NEAR(value(*c, "t2m", "2020-08-01T12", 0, 0), seasonal(parse_time("2020-08-01T12"), 0), 1e-4);
}

TEST_F(ClimatologyTest, ShortPeriodsRefuseHarmonicsAndAutoTakesTheMean) {
  const FakeStore ten_months(layout(test::every("2015-01-01", hours(24), 300)), by_year);
  ClimatologyConfig config;
  config.kind = "harmonics";
  EXPECT_EQ(code_of([&] { make(ten_months, config); }), "TooFewSamples");
  const auto plan = plan_climatology(request(ten_months));
  EXPECT_EQ(plan.kind, ClimatologyKind::Mean);
  EXPECT_NE(plan.reason.find("days of the year have no sample"), std::string::npos) << plan.reason;
  const FakeStore weekly(layout(test::every("2015-01-01", hours(24 * 8), 46)), by_year);
  EXPECT_EQ(code_of([&] { make(weekly, config); }), "TooFewSamples");  // 46 samples for 5 coefficients
  config.num_harmonics = 1;
  EXPECT_EQ(code_of([&] { make(weekly, config); }), "none");
}

TEST_F(ClimatologyTest, AFileIsReadBackWithItsOriginAndAxes) {
  const FakeStore store(layout(test::every("2015-01-01", hours(24), 731)), by_year);
  ClimatologyConfig config;
  config.file.value = (folder_ / "named.nc").string();
  const auto made = make(store, config);
  const auto read = open_climatology(config.file.value);
  EXPECT_EQ(read->definition(), made->definition());
  EXPECT_EQ(read->variables(), store.layout().variables);
  EXPECT_EQ(read->grid(), store.layout().grid);
  EXPECT_EQ(value(*read, "z", "2020-02-29", 1, 3), value(*made, "z", "2020-02-29", 1, 3));
  const auto table = TableFile::open(config.file.value);
  EXPECT_EQ(table.attribute("Conventions"), "CF-1.13");
  EXPECT_EQ(table.attribute("pear_provenance"), R"({"note":"test"})");
  EXPECT_EQ(table.get("lat").size(), 12u);
  EXPECT_EQ(table.get_strings("coefficient_name").at(3), "cos(4 pi f)");
  EXPECT_EQ(table.get("samples"), std::vector<double>{731});
}

/// The same times and formula under another fingerprint.
class OtherStore : public FakeStore {
 public:
  using FakeStore::FakeStore;
  std::string fingerprint() const override { return "other"; }
};

TEST_F(ClimatologyTest, AFileOfAnotherStoreGridOrChannelsIsRefused) {
  const auto times = test::every("2001-01-01", hours(24), 3);
  const FakeStore store(layout(times), by_year);
  ClimatologyConfig config;
  config.file.value = (folder_ / "named.nc").string();
  const auto obtain = [&](const io::Store& s) { return code_of([&] { obtain_climatology(request(s, config)); }); };
  EXPECT_EQ(obtain(store), "none");  // computed
  EXPECT_EQ(obtain(store), "none");  // read
  const OtherStore other(layout(times), by_year);
  EXPECT_EQ(obtain(other), "StoreMismatch");
  try {
    obtain_climatology(request(other, config));
  } catch (const DataError& e) {
    EXPECT_EQ(e.detail().expected, "store other");
    EXPECT_EQ(e.detail().found, "climatology of store fake");
  }
  auto l = layout(times);
  l.grid = sphere::Grid::from_spec("healpix:2");
  EXPECT_EQ(obtain(FakeStore(l, by_year)), "GridMismatch");
  l = layout(times);
  l.variables[1].levels_hpa = {500, 700};
  EXPECT_EQ(obtain(FakeStore(l, by_year)), "ChannelMismatch");
  l = layout(times);
  l.variables[0].units = "degC";
  EXPECT_EQ(obtain(FakeStore(l, by_year)), "UnitsMismatch");
  config.allow_other_store = true;
  EXPECT_EQ(obtain(other), "none");
  config.kind = "pear";
  EXPECT_EQ(obtain(store), "DefinitionMismatch");
  config.kind = "auto";
  config.period.list = {parse_time("2001-01-01")};
  EXPECT_EQ(obtain(store), "DefinitionMismatch");
  EXPECT_EQ(code_of([&] { make(store, config); }), "ResultExists");
  auto replace = request(store, config);
  replace.overwrite = true;
  EXPECT_EQ(make_climatology(replace)->definition().at("period").at("count"), 1);
}

TEST_F(ClimatologyTest, AFieldFileIsNoClimatology) {
  const fs::path path = folder_ / "other.nc";
  auto table = TableFile::create(path);
  table.define_dim("x", 1);
  table.close();
  EXPECT_EQ(code_of([&] { open_climatology(path); }), "BadClimatology");
  EXPECT_NE(code_of([&] { open_climatology(folder_ / "absent.nc"); }), "none");
}

TEST(ClimatologyOverlap, CountsTheTimesInsideThePeriod) {
  const nlohmann::json d{{"period", {{"first", "2001-01-01T00:00:00Z"}, {"last", "2001-12-31T00:00:00Z"}}}};
  EXPECT_EQ(overlap_warning(d, test::every("2002-01-01", hours(24), 3), "data.test"), "");
  const auto text = overlap_warning(d, test::every("2001-12-30", hours(24), 4), "data.test");
  EXPECT_NE(text.find("2 of 4 data.test times"), std::string::npos) << text;
}

TEST(ClimatologyConfigTest, RefusesWavesAndWindowsOutOfRange) {
  ConfigIssues issues;
  ClimatologyConfig config;
  config.validate(issues, "climatology");
  EXPECT_TRUE(issues.empty());
  config.num_harmonics = 0;
  config.window = 30;
  config.validate(issues, "climatology");
  ASSERT_EQ(issues.issues().size(), 2u);
  EXPECT_EQ(issues.issues()[0].key, "climatology.num_harmonics");
  EXPECT_EQ(issues.issues()[1].key, "climatology.window");
}

}  // namespace
}  // namespace pear::forecast
