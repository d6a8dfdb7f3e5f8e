// Acceptance 5 of the design: parts, order, kills, damage, statistics.
#include "io/store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "io/crc32c.h"
#include "io/statistics.h"
#include "io/store_summary.h"
#include "tests/base/scratch_folder.h"

namespace pear::io {
namespace {

namespace fs = std::filesystem;

StoreLayout small_layout(const std::string& policy = "error", int64_t num_times = 14) {
  StoreLayout layout;
  layout.grid = sphere::Grid::from_spec("healpix:8");
  layout.variables = {{"msl", "Pa", {}}, {"t", "K", {850, 500}}};
  for (int64_t i = 0; i < num_times; ++i) layout.times.push_back(parse_time("2018-10-06T18") + i * hours(6));
  layout.missing_times = policy;
  layout.source = "made for a test";
  return layout;
}

std::vector<float> values_at(const StoreLayout& layout, Time t) {
  std::mt19937_64 random(static_cast<uint64_t>(t.seconds));
  std::normal_distribution<double> normal;
  std::vector<float> values(static_cast<size_t>(layout.num_channels() * layout.grid.num_cells()));
  for (float& x : values) x = static_cast<float>(1e5 + normal(random));
  return values;
}

void load(StoreBuilder& builder, const StoreLayout& layout, const std::function<bool(size_t)>& mine) {
  for (const Time t : builder.pending()) {
    const auto i = static_cast<size_t>(std::find(layout.times.begin(), layout.times.end(), t) - layout.times.begin());
    if (mine(i)) builder.write(t, values_at(layout, t), "generator");
  }
}

void build(const fs::path& directory, const StoreLayout& layout, const StoreBuildOptions& options = {}) {
  auto builder = StoreBuilder::open(directory, layout, options);
  load(*builder, layout, [](size_t) { return true; });
  builder->finalise();
}

/// Every file of a folder with its bytes.
std::map<std::string, std::string> content(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(directory)) files[entry.path().filename()] = read_text(entry.path());
  return files;
}

std::string code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.code();
  }
  return "no error";
}

class StoreReading : public test::ScratchFolder {};
class StoreBuild : public test::ScratchFolder {};
class StoreStatistics : public test::ScratchFolder {};
class StoreDamage : public test::ScratchFolder {};

TEST(Crc32c, GivesThePublishedCheckValues) {
  const auto crc = [](const std::string& text) { return crc32c(std::as_bytes(std::span(text.data(), text.size()))); };
  EXPECT_EQ(crc("123456789"), 0xE3069283u);            // RFC 3720 / Rocksoft check value
  EXPECT_EQ(crc(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720 B.4
  EXPECT_EQ(crc(std::string(32, '\xff')), 0x62A8AB43u);
  EXPECT_EQ(crc(""), 0u);
}

TEST_F(StoreReading, GivesBackEveryValueAndRefusesWrongRequests) {
  const auto layout = small_layout();
  for (const bool compress : {false, true}) {
    const fs::path directory = folder / (compress ? "zlib" : "raw");
    build(directory, layout, {.tendency_lags = {}, .allow_nan = {}, .compress = compress});
    const auto store = Store::open(directory);
    EXPECT_EQ(store->layout().variables, layout.variables);
    EXPECT_EQ(store->times(), layout.times);
    const auto cells = static_cast<size_t>(layout.grid.num_cells());
    std::vector<float> t(2 * cells);
    for (size_t i = 0; i < layout.times.size(); ++i) {
      store->read(1, i, t);
      const auto expected = values_at(layout, layout.times[i]);
      ASSERT_EQ(std::memcmp(t.data(), expected.data() + cells, t.size() * sizeof(float)), 0) << i;
    }
    EXPECT_EQ(store->index_of(layout.times[3]), 3u);
    EXPECT_FALSE(store->index_of(layout.times[3] + hours(1)));
    EXPECT_EQ(code_of([&] { store->read(1, 0, std::span(t).first(5)); }), "SizeMismatch");
    EXPECT_EQ(code_of([&] { store->read(2, 0, t); }), "OutOfRange");
    EXPECT_EQ(code_of([&] { store->variable_index("q"); }), "MissingVariable");
    EXPECT_EQ(store->variable_index("t"), 1u);
    store->verify();
  }
}

TEST_F(StoreReading, ReadsFromManyThreads) {
  const auto layout = small_layout();
  build(folder / "s", layout);
  const auto store = Store::open(folder / "s");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; ++k)
    threads.emplace_back([&] {
      std::vector<float> msl(static_cast<size_t>(layout.grid.num_cells()));
      for (size_t i = 0; i < layout.times.size(); ++i) {
        store->read(0, i, msl);
        if (std::memcmp(msl.data(), values_at(layout, layout.times[i]).data(), msl.size() * 4) != 0) ++wrong;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(StoreBuild, IsTheSameForOneTwoAndSevenPartsInAnyOrder) {
  const auto layout = small_layout();
  const StoreBuildOptions options{.tendency_lags = {hours(6), hours(12)}};
  build(folder / "1", layout, options);
  const auto expected = content(folder / "1");
  for (const size_t parts : {size_t{2}, size_t{7}}) {
    const fs::path directory = folder / std::to_string(parts);
    for (size_t part = parts; part-- > 0;) {  // last part first
      auto builder = StoreBuilder::open(directory, layout, options);
      load(*builder, layout, [&](size_t i) { return i % parts == part; });
    }
    StoreBuilder::open(directory, layout, options)->finalise();
    EXPECT_TRUE(content(directory) == expected) << parts;
  }
}

TEST_F(StoreBuild, KilledAtAnyMomentAndRepeatedGivesTheSameBytes) {
  const auto layout = small_layout();
  build(folder / "whole", layout);
  const fs::path directory = folder / "killed";
  int kills = 0;
  for (int attempt = 0; attempt < 8; ++attempt) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto builder = StoreBuilder::open(directory, layout, {});
      load(*builder, layout, [](size_t) { return true; });
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(1500 + 2300 * attempt));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    kills += WIFSIGNALED(status) ? 1 : 0;
    if (is_store(directory)) {
      const StoreSummary half = summarise_store(directory);
      EXPECT_EQ(half.present.size() + half.pending.size(), layout.times.size());
    }
  }
  EXPECT_GT(kills, 0);
  std::ofstream(directory / (".part_20181006T18.nc.tmp-1-0")) << "left over";
  build(directory, layout);
  const auto found = content(directory), expected = content(folder / "whole");
  for (const auto& [name, bytes] : found) EXPECT_TRUE(expected.contains(name) && expected.at(name) == bytes) << name;
  EXPECT_EQ(found.size(), expected.size());
}

TEST_F(StoreBuild, HalfBuiltStoresAreInspectableAndRefusedByReaders) {
  const auto layout = small_layout();
  auto builder = StoreBuilder::open(folder / "s", layout, {});
  EXPECT_TRUE(summarise_store(folder / "s").variables.empty());
  load(*builder, layout, [](size_t i) { return i < 3; });
  const StoreSummary half = summarise_store(folder / "s");
  EXPECT_FALSE(half.finalised);
  EXPECT_EQ(half.present.size(), 3u);
  EXPECT_EQ(half.pending.size(), layout.times.size() - 3);
  ASSERT_EQ(half.variables.size(), 2u);
  EXPECT_NEAR(half.variables[0].mean, 1e5, 0.1);
  EXPECT_LT(half.variables[0].min, half.variables[0].mean);
  EXPECT_EQ(code_of([&] { Store::open(folder / "s"); }), "StoreIncomplete");
  EXPECT_EQ(code_of([&] { builder->finalise(); }), "StoreIncomplete");
  EXPECT_EQ(code_of([&] { Store::open(folder / "none"); }), "FileNotFound");
}

TEST_F(StoreBuild, NamesTheDifferenceOfAnotherLayout) {
  const auto layout = small_layout();
  StoreBuilder::open(folder / "s", layout, {});
  const auto message = [&](const std::function<void(StoreLayout&)>& change) {
    StoreLayout other = small_layout();
    change(other);
    try {
      StoreBuilder::open(folder / "s", other, {});
    } catch (const DataError& e) {
      return e.code() + " " + e.what();
    }
    return std::string("no error");
  };
  EXPECT_NE(message([](auto& l) { l.grid = sphere::Grid::from_spec("healpix:16"); }).find("healpix:16"),
            std::string::npos);
  EXPECT_NE(message([](auto& l) { l.variables[0].units = "hPa"; }).find("msl (hPa"), std::string::npos);
  EXPECT_NE(message([](auto& l) { l.variables[1].levels_hpa = {850}; }).find("levels"), std::string::npos);
  EXPECT_NE(message([](auto& l) { l.source = "era5"; }).find("source product"), std::string::npos);
  EXPECT_NE(message([](auto& l) { l.times.push_back(l.times.back() + hours(6)); }).find("2018-10-10T06:00:00Z is new"),
            std::string::npos);
  EXPECT_EQ(message([](auto&) {}), "no error");
}

TEST_F(StoreBuild, MissingDatesFollowThePolicy) {
  const auto strict = small_layout("error");
  EXPECT_EQ(code_of([&] { StoreBuilder::open(folder / "e", strict, {})->mark_missing(strict.times[4], "x"); }),
            "MissingTime");
  const auto layout = small_layout("skip");
  auto builder = StoreBuilder::open(folder / "s", layout, {.tendency_lags = {hours(6)}});
  builder->mark_missing(layout.times[4], "upstream gap");
  load(*builder, layout, [](size_t) { return true; });
  builder->finalise();
  const auto store = Store::open(folder / "s");
  EXPECT_EQ(store->times().size(), layout.times.size() - 1);
  EXPECT_FALSE(store->index_of(layout.times[4]));
  EXPECT_EQ(store->index_of(layout.times[5]), 4u);
  EXPECT_EQ(summarise_store(folder / "s").missing.front().second, "upstream gap");
  const auto j = nlohmann::json::parse(read_text(folder / "s" / "store.json"));
  EXPECT_EQ(j["tendencies"][0]["pairs"], 11);  // 13 neighbours, two touch the gap
  EXPECT_EQ(j["tendencies"][0]["left_out"], 2);
}

TEST_F(StoreBuild, RefusesNanUnlessAllowedAndInfinityAlways) {
  const auto layout = small_layout("error", 1);
  auto values = values_at(layout, layout.times[0]);
  values[5] = std::numeric_limits<float>::quiet_NaN();
  auto strict = StoreBuilder::open(folder / "a", layout, {});
  EXPECT_EQ(code_of([&] { strict->write(layout.times[0], values, ""); }), "NonFinite");
  auto lax = StoreBuilder::open(folder / "b", layout, {.tendency_lags = {}, .allow_nan = {"msl"}});
  lax->write(layout.times[0], values, "");
  lax->finalise();
  const auto store = Store::open(folder / "b");
  long double sum = 0;
  for (size_t i = 0; i < 768; ++i)
    if (i != 5) sum += values[i];
  EXPECT_NEAR(store->statistics(0).mean[0], static_cast<double>(sum / 767), 1e-9);
  values[5] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(code_of([&] { strict->write(layout.times[0], values, ""); }), "NonFinite");
}

TEST_F(StoreStatistics, AgreeWithExtendedPrecisionForLargeMeanAndSmallSpread) {
  const auto layout = small_layout();
  build(folder / "s", layout, {.tendency_lags = {hours(12)}});
  const auto store = Store::open(folder / "s");
  const auto cells = static_cast<size_t>(layout.grid.num_cells());
  std::vector<std::vector<float>> dates;
  for (const Time t : layout.times) dates.push_back(values_at(layout, t));
  const auto reference = [](const std::vector<long double>& x) {
    long double mean = 0, m2 = 0;
    for (const auto v : x) mean += v;
    mean /= static_cast<long double>(x.size());
    for (const auto v : x) m2 += (v - mean) * (v - mean);
    return std::pair(mean, std::sqrt(m2 / static_cast<long double>(x.size())));
  };
  for (size_t channel = 0; channel < 3; ++channel) {
    std::vector<long double> all, differences;
    for (size_t d = 0; d < dates.size(); ++d)
      for (size_t i = channel * cells; i < (channel + 1) * cells; ++i) {
        all.push_back(dates[d][i]);
        if (d >= 2) differences.push_back(static_cast<long double>(dates[d][i]) - dates[d - 2][i]);
      }
    const size_t v = channel == 0 ? 0 : 1, l = channel == 2 ? 1 : 0;
    const auto [mean, stddev] = reference(all);
    const auto& s = store->statistics(v);
    EXPECT_NEAR(s.stddev[l], static_cast<double>(stddev), 1e-10);
    EXPECT_NEAR(s.mean[l], static_cast<double>(mean), 1e-9);
    EXPECT_EQ(s.min[l], static_cast<double>(*std::min_element(all.begin(), all.end())));
    const auto lag = store->tendency_statistics(v, hours(12));
    ASSERT_TRUE(lag);
    const auto [lag_mean, lag_stddev] = reference(differences);
    EXPECT_NEAR(lag->stddev[l], static_cast<double>(lag_stddev), 1e-10);
    EXPECT_NEAR(lag->mean[l], static_cast<double>(lag_mean), 1e-12);
  }
  EXPECT_FALSE(store->tendency_statistics(0, hours(6)));
}

TEST_F(StoreStatistics, WeighCellsByAreaOnRowsAndColumns) {
  StoreLayout layout = small_layout("error", 1);
  layout.grid = sphere::Grid::from_spec("latlon:19x36+poles");
  layout.variables = {{"msl", "Pa", {}}};
  std::vector<float> values;
  double expected = 0, total = 0;
  for (int row = 0; row < 19; ++row) {
    const double theta = M_PI * row / 18, half = M_PI / 36;
    const double area = std::cos(std::max(0.0, theta - half)) - std::cos(std::min(M_PI, theta + half));
    for (int column = 0; column < 36; ++column) values.push_back(static_cast<float>(row * row));
    expected += area * row * row;
    total += area;
  }
  auto builder = StoreBuilder::open(folder / "s", layout, {});
  builder->write(layout.times[0], values, "");
  builder->finalise();
  EXPECT_NEAR(Store::open(folder / "s")->statistics(0).mean[0], expected / total, 1e-9);
}

TEST_F(StoreDamage, OneFlippedByteIsAChecksumMismatch) {
  const auto layout = small_layout("error", 2);
  build(folder / "s", layout);
  const fs::path part = folder / "s" / "part_20181006T18.nc";
  const auto j = nlohmann::json::parse(read_text(folder / "s" / "store.json"));
  const auto flip = [](const fs::path& path, std::streamoff at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char byte = static_cast<char>(file.get() ^ 0x10);
    file.seekp(at);
    file.put(byte);
  };
  const auto chunk = j["parts"][0]["chunks"][0][0].get<std::streamoff>();
  std::vector<float> msl(static_cast<size_t>(layout.grid.num_cells()));
  flip(part, chunk + 100);
  {
    const auto store = Store::open(folder / "s");
    EXPECT_EQ(code_of([&] { store->read(0, 0, msl); }), "ChecksumMismatch");
    EXPECT_EQ(code_of([&] { store->verify(); }), "ChecksumMismatch");
    store->read(0, 1, msl);  // the other date is untouched
  }
  flip(part, chunk + 100);
  Store::open(folder / "s")->verify();
  flip(part, 20);  // file structure, outside the values
  EXPECT_EQ(code_of([&] { Store::open(folder / "s")->verify(); }), "ChecksumMismatch");
  flip(part, 20);
  flip(folder / "s" / "store.json", 100);
  EXPECT_NE(code_of([&] { Store::open(folder / "s"); }), "no error");
}

TEST_F(StoreDamage, HostileIndexNeverLeadsOutsideTheBuffers) {
  build(folder / "s", small_layout("error", 2));
  const fs::path path = folder / "s" / "store.json";
  const auto original = nlohmann::json::parse(read_text(path));
  const auto code = [&](const std::function<void(nlohmann::json&)>& change) {
    nlohmann::json j = original;
    change(j);
    j.erase("checksum");
    j["checksum"] = sha256_hex(j.dump());  // whoever forges a store also forges its checksum
    std::ofstream(path) << j.dump();
    return code_of([&] { Store::open(folder / "s"); });
  };
  EXPECT_EQ(code([](auto&) {}), "no error");
  EXPECT_EQ(code([](auto& j) { j["parts"][0]["file"] = "../../etc/passwd"; }), "StoreMismatch");
  EXPECT_EQ(code([](auto& j) { j["parts"][0]["chunks"][0][0] = 18446744073709551615ull; }), "StoreMismatch");
  EXPECT_EQ(code([](auto& j) { j["parts"][0]["chunks"][0][1] = 4; }), "StoreMismatch");
  EXPECT_EQ(code([](auto& j) { j["parts"][0]["chunks"].erase(0); }), "StoreMismatch");
  EXPECT_EQ(code([](auto& j) { j["parts"].erase(0); }), "StoreMismatch");
  EXPECT_EQ(code([](auto& j) { j["layout"]["grid"]["spec"] = "healpix:3"; }), "StoreMismatch");
  EXPECT_EQ(code([](auto& j) { j["layout"]["grid"]["spec"] = "healpix:1024"; }), "StoreMismatch");
  EXPECT_EQ(code([](auto& j) { j["layout"]["variables"][1]["levels_hpa"] = {850}; }), "StoreMismatch");
  EXPECT_EQ(code([](auto& j) { j["statistics"][0] = 5; }), "StoreMismatch");
  EXPECT_EQ(code([](auto& j) { j["version"] = 99; }), "StoreMismatch");
  std::ofstream(path) << "{\"a\":" << std::string(1000000, '[') << std::string(1000000, ']') << "}";
  EXPECT_EQ(code_of([&] { Store::open(folder / "s"); }), "StoreMismatch");  // checking its sum would use up the stack
  for (size_t length = 0; length < 400; length += 7) {
    std::ofstream(path) << original.dump().substr(0, length);
    EXPECT_NE(code_of([&] { Store::open(folder / "s"); }), "no error") << length;
  }
  std::ofstream(path) << original.dump();
  fs::resize_file(folder / "s" / "part_20181006T18.nc", 5000);
  EXPECT_EQ(code_of([&] { Store::open(folder / "s"); }), "ChecksumMismatch");
  fs::remove(folder / "s" / "part_20181006T18.nc");
  EXPECT_EQ(code_of([&] { Store::open(folder / "s"); }), "StoreIncomplete");
}

TEST_F(StoreBuild, OtherLagsOnlyRepeatTheLastStepAndKeepTheFingerprint) {
  const auto layout = small_layout();
  build(folder / "s", layout);
  const std::string fingerprint = Store::open(folder / "s")->fingerprint();
  auto builder = StoreBuilder::open(folder / "s", layout, {.tendency_lags = {hours(6)}});
  EXPECT_TRUE(builder->pending().empty());
  builder->finalise();
  const auto store = Store::open(folder / "s");
  EXPECT_TRUE(store->tendency_statistics(0, hours(6)));
  EXPECT_EQ(store->fingerprint(), fingerprint);
}

// A limit on the size of files stands for a full disk: both fail inside the library's write or close.
TEST_F(StoreBuild, AFailedWriteLeavesEarlierDatesAndNoHalfFile) {
  const auto layout = small_layout();
  const fs::path directory = folder / "s";
  {
    auto builder = StoreBuilder::open(directory, layout, {});
    load(*builder, layout, [](size_t i) { return i == 0; });
  }
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    auto builder = StoreBuilder::open(directory, layout, {});
    const rlimit limit{.rlim_cur = 6000, .rlim_max = 6000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string code = code_of([&] { builder->write(layout.times[1], values_at(layout, layout.times[1]), ""); });
    ::_exit(code == "WriteFailed" ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(summarise_store(directory).present.size(), 1u);
  for (const auto& entry : fs::directory_iterator(directory))
    EXPECT_EQ(entry.path().filename().string().find("tmp"), std::string::npos) << entry.path();
  build(directory, layout);
  build(folder / "whole", layout);
  EXPECT_TRUE(content(directory) == content(folder / "whole"));
}

TEST_F(StoreBuild, RefusesAPlaceThatCannotBeWritten) {
  std::ofstream(folder / "file") << "x";  // a file where a folder must be: also root cannot write below it
  EXPECT_EQ(code_of([&] { StoreBuilder::open(folder / "file" / "s", small_layout(), {}); }), "NotWritable");
}

}  // namespace
}  // namespace pear::io
