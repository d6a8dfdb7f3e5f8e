#include "forecast/ingest/ingest.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>

#include "base/build_config.h"
#include "base/error.h"
#include "base/files.h"
#include "base/signals.h"
#include "forecast/ingest/source_files.h"
#include "io/field_file.h"
#include "io/reader.h"
#include "io/store.h"
#include "io/store_summary.h"
#include "tests/base/scratch_folder.h"

namespace pear::forecast {
namespace {

namespace fs = std::filesystem;

std::string code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.code();
  }
  return "no error";
}

/// Source files on a pole-row grid: a solid-body rotation about the axis, and a linear temperature.
class Ingest : public test::ScratchFolder {
 protected:
  void SetUp() override {
    ScratchFolder::SetUp();
    clear_stop_request();
    for (int64_t i = 0; i < 6; ++i) write_source(start() + hours(6 * i));
  }
  static Time start() { return parse_time("2018-10-06T18"); }

  static io::Field make(const std::string& name, const std::string& units, io::Level level, Time t,
                        const std::function<float(double, double)>& value) {
    io::Field f;
    f.name = name;
    f.units = units;
    f.level = level;
    f.valid_time = f.init_time = t;
    f.grid = std::make_shared<sphere::Grid>(sphere::Grid::from_spec("latlon:37x72+poles"));
    f.values = Array<float>({f.grid->num_cells()});
    const auto centres = f.grid->centres();
    for (int64_t i = 0; i < f.values.size(); ++i) {
      const auto c = static_cast<size_t>(i);
      f.values[i] = value(centres.lat_deg[c] * M_PI / 180, centres.lon_deg[c] * M_PI / 180);
    }
    return f;
  }

  void write_source(Time t, bool with_temperature = true) {
    std::vector<io::Field> fields;
    const io::Level ten{io::LevelType::HeightAboveGround, 10};
    fields.push_back(make("u10", "m s-1", ten, t, [](double lat, double) { return 20 * std::cos(lat); }));
    fields.push_back(make("v10", "m s-1", ten, t, [](double, double) { return 0; }));
    for (const double p : {850.0, 500.0})
      if (with_temperature)
        fields.push_back(make("t", "K", {io::LevelType::Pressure, p}, t, [p, t](double lat, double) {
          return static_cast<float>(200 + p / 20 + static_cast<double>(t.seconds % 86400) / 3600 + 10 * std::sin(lat));
        }));
    io::write_fields(folder / "in" / ("src_" + format_time_compact(t) + ".nc"), fields, "{}");
  }

  IngestRequest request(const std::string& store = "store") const {
    IngestRequest r;
    r.sources = {(folder / "in" / "src_*.nc").string()};
    r.grid = sphere::Grid::from_spec("healpix:8");
    r.variables = {"t", "u10", "v10"};
    r.levels_hpa = {500, 850};
    r.store = folder / store;
    return r;
  }
  static std::map<std::string, std::string> content(const fs::path& directory) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(directory))
      files[entry.path().filename()] = read_text(entry.path());
    return files;
  }
};

TEST_F(Ingest, BuildsAStoreWithRegriddedValuesAndIsUpToDateAfterwards) {
  const IngestReport report = ingest(request());
  EXPECT_TRUE(report.finalised);
  EXPECT_EQ(report.times_written, 6);
  const auto store = io::Store::open(folder / "store");
  ASSERT_EQ(store->layout().variables.size(), 3u);
  EXPECT_EQ(store->layout().variables[0].name, "u10");  // surface first
  EXPECT_EQ(store->layout().variables[2].levels_hpa, (std::vector<double>{500, 850}));
  const auto centres = store->layout().grid.centres();
  std::vector<float> u(768), v(768), t(2 * 768);
  store->read(0, 1, u);
  store->read(1, 1, v);
  store->read(2, 1, t);
  for (size_t i = 0; i < 768; ++i) {
    const double lat = centres.lat_deg[i] * M_PI / 180;
    // First order: 5-degree source cells cut by 7-degree pixels move the place a value stands for by up to 1 degree.
    EXPECT_NEAR(u[i], 20 * std::cos(lat), 0.4) << i;
    EXPECT_NEAR(v[i], 0, 0.3) << i;
    EXPECT_NEAR(t[i], 225 + 10 * std::sin(lat), 0.1);  // 500 hPa first, as asked, at 00 UTC
    EXPECT_NEAR(t[768 + i], 242.5 + 10 * std::sin(lat), 0.1);
  }
  const auto before = content(folder / "store");
  const IngestReport again = ingest(request());
  EXPECT_TRUE(again.up_to_date);
  EXPECT_EQ(again.times_written, 0);
  EXPECT_TRUE(content(folder / "store") == before);
}

TEST_F(Ingest, PartsStagesAndKillsGiveTheSameStore) {
  ingest(request("whole"));
  IngestRequest parts = request("parts");
  parts.options.stage = "init";
  ingest(parts);
  parts.options.stage = "load";
  for (const char* part : {"2/3", "3/3", "1/3"}) {
    parts.options.part = part;
    EXPECT_EQ(ingest(parts).times_written, 2);
  }
  parts.options.stage = "finalise";
  parts.options.part = "1/1";
  EXPECT_TRUE(ingest(parts).finalised);
  EXPECT_TRUE(content(folder / "parts") == content(folder / "whole"));
  for (int attempt = 1; attempt < 5; ++attempt) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      IngestRequest r = request("killed");
      r.options.method = "nearest";  // no OpenMP work in a forked child
      r.grid = sphere::Grid::from_spec("latlon:37x72+poles");
      ingest(r);
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(20000 * attempt));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  for (const char* name : {"killed", "straight"}) {
    IngestRequest r = request(name);
    r.options.method = "nearest";
    r.grid = sphere::Grid::from_spec("latlon:37x72+poles");
    ingest(r);
  }
  EXPECT_TRUE(content(folder / "killed") == content(folder / "straight"));
}

TEST_F(Ingest, StopsBetweenDatesWhenAskedTo) {
  IngestRequest r = request();
  r.options.stage = "init";
  ingest(r);
  r.options.stage = "all";
  r.times = Period{start(), start() + hours(30), hours(6)}.times();  // no indexing before the load
  request_stop();
  EXPECT_THROW(ingest(r), StoppedBySignal);
  clear_stop_request();
  EXPECT_TRUE(ingest(r).finalised);
}

TEST_F(Ingest, NamesWhatIsMissingAndFollowsThePolicy) {
  fs::remove(folder / "in" / ("src_" + format_time_compact(start() + hours(12)) + ".nc"));
  write_source(start() + hours(18), false);
  EXPECT_EQ(code_of([&] { ingest(request()); }), "MissingTime");
  EXPECT_FALSE(fs::exists(folder / "store"));
  IngestRequest skip = request();
  skip.options.missing_times = "skip";
  EXPECT_EQ(plan_ingest(skip).missing.size(), 2u);
  const IngestReport report = ingest(skip);
  EXPECT_EQ(report.times_present, 4);
  ASSERT_EQ(report.missing.size(), 2u);
  EXPECT_EQ(report.missing[0].first, start() + hours(12));
  EXPECT_NE(report.missing[1].second.find("t at 500 hPa"), std::string::npos) << report.missing[1].second;
  skip.store = folder / "other";
  skip.options.max_missing_fraction = 0.2;
  EXPECT_EQ(code_of([&] { ingest(skip); }), "MissingTime");
}

TEST_F(Ingest, RefusesWrongRequests) {
  const auto code = [&](const std::function<void(IngestRequest&)>& change) {
    IngestRequest r = request("wrong");
    change(r);
    return code_of([&] { ingest(r); });
  };
  EXPECT_EQ(code([](auto& r) { r.variables = {"t", "nonsense"}; }), "UnknownVariable");
  EXPECT_EQ(code([](auto& r) { r.variables = {"t", "q"}; }), "MissingVariable");
  EXPECT_EQ(code([](auto& r) { r.levels_hpa = {700}; }), "MissingLevel");
  EXPECT_EQ(code([](auto& r) { r.levels_hpa = {}; }), "MissingKey");
  EXPECT_EQ(code([&](auto& r) { r.sources = {(folder / "in" / "none_*").string()}; }), "FileNotFound");
  EXPECT_EQ(code([](auto& r) { r.options.step = hours(3); }), "MissingVariable");
  EXPECT_EQ(code([](auto& r) { r.options.part = "3/2"; }), "BadValue");
  EXPECT_EQ(code([](auto& r) { r.options.part = "1/2"; }), "BadValue");
  EXPECT_FALSE(io::is_store(folder / "wrong"));
  EXPECT_EQ(code([](auto& r) { r.variables = {"u10"}; }), "UnpairedVector");
  fs::copy_file(folder / "in" / ("src_" + format_time_compact(start()) + ".nc"), folder / "in" / "src_again.nc");
  EXPECT_EQ(code_of([&] { ingest(request("twice")); }), "DuplicateField");
}

TEST_F(Ingest, SourcesAreExpandedWithoutAShell) {
  EXPECT_EQ(expand_sources({(folder / "in").string()}).size(), 6u);
  EXPECT_EQ(expand_sources({(folder / "*" / "src_20181007T0?.nc").string()}).size(), 2u);
  EXPECT_EQ(expand_sources({(folder / "in").string(), (folder / "in" / "*.nc").string()}).size(), 6u);
  put("in/$(touch x) [1].nc", "");
  EXPECT_EQ(expand_sources({(folder / "in" / "$(touch x) [1].nc").string()}).size(), 1u);
  EXPECT_EQ(code_of([&] { expand_sources({"/nowhere/*.nc"}); }), "FileNotFound");
}

/// 6-hourly winds of the GFS; 2018-10-10 18 UTC never existed upstream. Every date has f000 and f003.
class IngestGfs : public test::ScratchFolder {
 protected:
  void SetUp() override {
    ScratchFolder::SetUp();
    const char* data = std::getenv("PEAR_TEST_DATA");
    series = fs::path(data != nullptr ? data : "") / "gfs_wind_201810";
    if (!fs::exists(series)) GTEST_SKIP() << "folder gfs_wind_201810 absent";
    if (!kWithGrib) GTEST_SKIP() << "built without GRIB";
  }
  IngestRequest request() const {
    IngestRequest r;
    r.sources = {(series / "*.grib2").string()};
    r.grid = sphere::Grid::from_spec("healpix:16");
    r.variables = {"u10", "v10"};
    r.store = folder / "store";
    r.options.missing_times = "skip";
    r.options.tendency_lags = {hours(6)};
    return r;
  }
  fs::path series;
};

TEST_F(IngestGfs, TheMissingDateIsAnErrorOrListed) {
  IngestRequest strict = request();
  strict.options.missing_times = "error";
  try {
    ingest(strict);
    FAIL() << "no error";
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "MissingTime");
    EXPECT_NE(std::string(e.what()).find("2018-10-10T18:00:00Z"), std::string::npos) << e.what();
  }
  const IngestReport report = ingest(request());
  ASSERT_EQ(report.missing.size(), 1u);
  EXPECT_EQ(report.missing[0].first, parse_time("2018-10-10T18"));
  EXPECT_EQ(report.times_present, 28);
  const auto store = io::Store::open(folder / "store");
  EXPECT_FALSE(store->index_of(parse_time("2018-10-10T18")));
  ASSERT_TRUE(store->tendency_statistics(0, hours(6)));
  EXPECT_GT(store->tendency_statistics(0, hours(6))->stddev[0], 0.5);
  EXPECT_LT(store->statistics(0).stddev[0], 15);
  store->verify();
}

TEST_F(IngestGfs, StatisticsOfAPeriodDoNotSeeTheOtherDates) {
  IngestRequest r = request();
  r.statistics_period = TimeRange{parse_time("2018-10-07T00"), parse_time("2018-10-09T00")};
  ingest(r);
  const auto part = io::Store::open(folder / "store");
  ASSERT_TRUE(part->statistics_period());
  EXPECT_EQ(*part->statistics_period(), *r.statistics_period);
  // The oracle reads the fields of those dates and sums them itself.
  std::vector<float> field(static_cast<size_t>(r.grid.num_cells()));
  long double sum = 0, squares = 0, count = 0;
  for (size_t t = 0; t < part->times().size(); ++t) {
    if (!r.statistics_period->contains(part->times()[t])) continue;
    part->read(0, t, field);
    for (const float x : field) sum += x, squares += static_cast<long double>(x) * x, count += 1;
  }
  EXPECT_EQ(count, 9 * r.grid.num_cells());
  EXPECT_NEAR(part->statistics(0).mean[0], static_cast<double>(sum / count), 1e-9);
  EXPECT_NEAR(part->statistics(0).stddev[0], static_cast<double>(std::sqrt(squares / count - sum / count * sum / count)),
              1e-9);
  const std::string fingerprint = part->fingerprint();
  r.statistics_period.reset();  // same dates, other statistics: only the last step is repeated
  const IngestReport again = ingest(r);
  EXPECT_EQ(again.times_written, 0);
  const auto whole = io::Store::open(folder / "store");
  EXPECT_EQ(whole->fingerprint(), fingerprint);
  EXPECT_NE(whole->statistics(0).mean[0], part->statistics(0).mean[0]);
  EXPECT_NE(whole->tendency_statistics(0, hours(6))->stddev[0], part->tendency_statistics(0, hours(6))->stddev[0]);
  r.statistics_period = TimeRange{parse_time("2019-01-01"), parse_time("2019-02-01")};
  EXPECT_THROW(ingest(r), DataError);
}

}  // namespace
}  // namespace pear::forecast
