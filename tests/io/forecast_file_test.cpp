#include "io/forecast_file.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>

#include "base/error.h"
#include "io/field_file.h"
#include "io/netcdf_file.h"
#include "io/reader.h"
#include "tests/base/scratch_folder.h"

namespace pear::io {
namespace {

namespace fs = std::filesystem;

class ForecastFileRoundTrip : public test::ScratchFolder {};
class FieldFile : public test::ScratchFolder {};

const std::vector<OutputVariable> kVariables = {{"msl", "Pa", {}}, {"t", "K", {850, 500}}, {"q", "kg kg-1", {700}}};
const std::vector<Duration> kLeads = {hours(0), hours(6), hours(24)};

std::vector<float> slab(const sphere::Grid& grid, size_t lead, size_t variable) {
  const size_t levels = std::max<size_t>(1, kVariables[variable].levels_hpa.size());
  std::vector<float> values(levels * static_cast<size_t>(grid.num_cells()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(1000 * variable + 100 * lead) + static_cast<float>(i) * 0.37F;
  values[3] = std::nanf("");
  return values;
}

std::string code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.code();
  }
  return "no error";
}

TEST_F(ForecastFileRoundTrip, KeepsGridAxesValuesAndProvenance) {
  for (const char* spec : {"healpix:8", "healpix:4:ring", "latlon:19x36+poles", "latlon:18x36+half", "gaussian:F16",
                           "latlon:21x31+area=60/-10/30/40"}) {
    const auto grid = sphere::Grid::from_spec(spec);
    const fs::path path = folder / "f.nc";
    const Time init = parse_time("2018-10-12");
    auto writer = ForecastFileWriter::create(path, grid, kVariables, init, kLeads, R"({"a": 1})");
    EXPECT_FALSE(fs::exists(path) && std::string(spec) == "healpix:8");
    for (size_t v = kVariables.size(); v-- > 0;)
      for (size_t l = 0; l < kLeads.size(); ++l) writer->write(l, v, slab(grid, l, v));
    writer->commit();
    const auto file = ForecastFile::open(path);
    EXPECT_TRUE(file->grid() == grid) << spec << " came back as " << file->grid().spec();
    EXPECT_EQ(file->variables(), kVariables);
    EXPECT_EQ(file->init(), init);
    EXPECT_EQ(file->leads(), kLeads);
    EXPECT_EQ(file->provenance_json(), R"({"a": 1})");
    for (size_t v = 0; v < kVariables.size(); ++v)
      for (size_t l = 0; l < kLeads.size(); ++l) {
        const auto expected = slab(grid, l, v);
        std::vector<float> found(expected.size());
        file->read(l, v, found);
        for (size_t i = 0; i < found.size(); ++i)
          ASSERT_TRUE(found[i] == expected[i] || (std::isnan(found[i]) && i == 3)) << spec << " " << v << " " << i;
      }
  }
}

TEST_F(ForecastFileRoundTrip, RefusesWhatCfCannotSayAndIncompleteFiles) {
  const fs::path path = folder / "f.nc";
  const auto make = [&](const char* spec) {
    return ForecastFileWriter::create(path, sphere::Grid::from_spec(spec), kVariables, Time{}, kLeads, "{}");
  };
  EXPECT_EQ(code_of([&] { make("healpix:3:ring"); }), "UnsupportedGrid");
  EXPECT_EQ(code_of([&] { make("healpix:4:xy-north"); }), "UnsupportedGrid");
  EXPECT_EQ(code_of([&] { make("gaussian:O32"); }), "UnsupportedGrid");
  auto writer = make("healpix:4");
  EXPECT_EQ(code_of([&] { writer->write(0, 0, std::vector<float>(7)); }), "SizeMismatch");
  EXPECT_EQ(code_of([&] { writer->write(3, 0, std::vector<float>(192)); }), "OutOfRange");
  EXPECT_EQ(code_of([&] { writer->commit(); }), "StoreIncomplete");
  writer.reset();
  EXPECT_TRUE(fs::is_empty(folder));
  put("text.nc", "no NetCDF at all");
  EXPECT_NE(code_of([&] { ForecastFile::open(folder / "text.nc"); }), "no error");
  EXPECT_EQ(code_of([&] { ForecastFile::open(folder / "absent.nc"); }), "FileNotFound");
}

Field field(const std::string& name, const std::string& units, Level level, Time valid, Time init, const char* spec) {
  Field f;
  f.name = name;
  f.units = units;
  f.level = level;
  f.valid_time = valid;
  f.init_time = init;
  f.grid = std::make_shared<sphere::Grid>(sphere::Grid::from_spec(spec));
  f.values = Array<float>({f.grid->num_cells()});
  for (int64_t i = 0; i < f.values.size(); ++i)
    f.values[i] = 280.0F + static_cast<float>(level.value) * 0.01F + static_cast<float>(i % 97) * 0.1F;
  return f;
}

TEST_F(FieldFile, ComesBackThroughTheGeneralReader) {
  for (const char* spec : {"healpix:8", "latlon:19x36+poles"}) {
    std::vector<Field> fields;
    const Time start = parse_time("2018-10-12");
    for (const int64_t step : {0, 6}) {
      for (const double p : {850.0, 500.0})
        fields.push_back(field("t", "K", {LevelType::Pressure, p}, start + hours(step), start, spec));
      fields.push_back(field("t2m", "K", {LevelType::HeightAboveGround, 2}, start + hours(step), start, spec));
    }
    const fs::path path = folder / "fields.nc";
    write_fields(path, fields, "{}");
    const auto reader = open_fields(path);
    ASSERT_EQ(reader->fields().size(), fields.size());
    for (const Field& expected : fields) {
      size_t hits = 0;
      for (size_t i = 0; i < fields.size(); ++i) {
        const FieldInfo& info = reader->fields()[i];
        if (info.name != expected.name || info.level != expected.level || info.valid_time != expected.valid_time)
          continue;
        ++hits;
        EXPECT_EQ(info.units, expected.units);
        EXPECT_EQ(info.init_time, expected.init_time) << spec;
        EXPECT_TRUE(*info.grid == *expected.grid);
        const Field found = reader->read(i);
        for (int64_t c = 0; c < found.values.size(); ++c) ASSERT_EQ(found.values[c], expected.values[c]);
      }
      EXPECT_EQ(hits, 1u) << spec << " " << expected.name << " " << to_string(expected.level);
    }
  }
}

TEST_F(FieldFile, RefusesHolesAndRepetitions) {
  const Time t = parse_time("2018-10-12");
  std::vector<Field> fields;
  fields.push_back(field("t", "K", {LevelType::Pressure, 850}, t, t, "healpix:4"));
  fields.push_back(field("t", "K", {LevelType::Pressure, 500}, t + hours(6), t + hours(6), "healpix:4"));
  EXPECT_EQ(code_of([&] { write_fields(folder / "a.nc", fields, "{}"); }), "MissingTime");
  fields.pop_back();
  fields.push_back(field("t", "K", {LevelType::Pressure, 850}, t, t, "healpix:4"));
  EXPECT_EQ(code_of([&] { write_fields(folder / "a.nc", fields, "{}"); }), "DuplicateField");
  fields.pop_back();
  fields.push_back(field("t2m", "K", {LevelType::HeightAboveGround, 2}, t, t, "healpix:8"));
  EXPECT_EQ(code_of([&] { write_fields(folder / "a.nc", fields, "{}"); }), "GridMismatch");
  EXPECT_TRUE(fs::is_empty(folder));
}

}  // namespace
}  // namespace pear::io
