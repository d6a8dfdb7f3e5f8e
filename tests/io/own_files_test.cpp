// What this program writes, open_fields reads: field files, forecast files and parts of a store, value for value.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "io/field_file.h"
#include "io/forecast_file.h"
#include "io/store.h"
#include "tests/base/scratch_folder.h"
#include "tests/io/layout_field.h"

namespace pear::io::layouts {
namespace {

class OwnFiles : public test::ScratchFolder {};

const Time kStart = {1577836800};  // 2020-01-01
const std::vector<const char*> kGrids = {"healpix:8", "healpix:8:ring", "latlon:19x36+poles", "gaussian:F16"};

/// Plausible values that differ everywhere; one is missing.
std::vector<float> made(const sphere::Grid& grid, const std::string& name, int time, double level, bool has_hole) {
  std::vector<float> all;
  for (int64_t k = 0; k < grid.num_cells(); ++k) {
    const float t = expected(time, static_cast<int>(level), static_cast<int>(k), 0);
    all.push_back(name == "msl" ? 400 * t : t);
  }
  if (has_hole) all[5] = std::nanf("");
  return all;
}

void expect_same(const Field& f, const std::vector<float>& values) {
  ASSERT_EQ(f.values.size(), static_cast<int64_t>(values.size()));
  for (size_t k = 0; k < values.size(); ++k) {
    const float x = f.values[static_cast<int64_t>(k)];
    ASSERT_TRUE(x == values[k] || (std::isnan(x) && std::isnan(values[k]))) << f.source << " cell " << k;
  }
}

TEST_F(OwnFiles, FieldFilesComeBack) {
  for (const char* spec : kGrids) {
    SCOPED_TRACE(spec);
    const auto grid = std::make_shared<const sphere::Grid>(sphere::Grid::from_spec(spec));
    std::vector<Field> fields;
    for (int time = 0; time < 2; ++time)
      for (double level : {500., 850.}) {
        Field f;
        f.name = "t", f.units = "K", f.level = {LevelType::Pressure, level}, f.grid = grid;
        f.init_time = f.valid_time = kStart + hours(6 * time);
        f.values = Array<float>({grid->num_cells()});
        const auto values = made(*grid, "t", time, level, true);
        std::copy(values.begin(), values.end(), f.values.data());
        fields.push_back(std::move(f));
      }
    write_fields(folder / "f.nc", fields, "{}");
    const auto reader = open_fields(folder / "f.nc");
    ASSERT_EQ(reader->fields().size(), 4u);
    for (size_t k = 0; k < 4; ++k) {
      const Field f = reader->read(k);
      EXPECT_EQ(f.name, "t");
      EXPECT_EQ(f.units, "K");
      EXPECT_EQ(*f.grid, *grid);
      EXPECT_EQ(f.init_time, f.valid_time);
      expect_same(f, made(*grid, "t", f.valid_time == kStart ? 0 : 1, f.level.value, true));
    }
  }
}

TEST_F(OwnFiles, ForecastFilesComeBackWithInitialAndValidTime) {
  const std::vector<OutputVariable> variables = {{"msl", "Pa", {}}, {"t", "K", {850, 500}}};
  const std::vector<Duration> leads = {hours(0), hours(6)};
  for (const char* spec : kGrids) {
    SCOPED_TRACE(spec);
    const auto grid = sphere::Grid::from_spec(spec);
    auto writer = ForecastFileWriter::create(folder / "fc.nc", grid, variables, kStart, leads, "{}");
    for (int lead = 0; lead < 2; ++lead) {
      writer->write(static_cast<size_t>(lead), 0, made(grid, "msl", lead, 0, false));
      auto upper = made(grid, "t", lead, 850, true);
      const auto second = made(grid, "t", lead, 500, true);
      upper.insert(upper.end(), second.begin(), second.end());
      writer->write(static_cast<size_t>(lead), 1, upper);
    }
    writer->commit();
    const auto reader = open_fields(folder / "fc.nc");
    std::map<std::string, int> seen;
    for (size_t k = 0; k < reader->fields().size(); ++k) {
      const Field f = reader->read(k);
      if (f.name != "t" && f.name != "msl") continue;
      ++seen[f.name];
      EXPECT_EQ(*f.grid, grid);
      EXPECT_EQ(f.init_time, kStart);
      const int lead = f.step() == hours(6) ? 1 : 0;
      EXPECT_EQ(f.step(), leads[static_cast<size_t>(lead)]);
      expect_same(f, made(grid, f.name, lead, f.level.value, f.name == "t"));
    }
    EXPECT_EQ(seen, (std::map<std::string, int>{{"msl", 2}, {"t", 4}}));
  }
}

TEST_F(OwnFiles, PartsOfAStoreComeBack) {
  for (const char* spec : {"healpix:8", "latlon:19x36+poles"})
    for (bool compress : {false, true}) {
      SCOPED_TRACE(spec);
      StoreLayout layout;
      layout.grid = sphere::Grid::from_spec(spec);
      layout.variables = {{"msl", "Pa", {}}, {"t", "K", {850, 500}}};
      layout.times = {kStart, kStart + hours(6)};
      layout.source = "made for a test";
      const auto directory = folder / (std::string("store") + (compress ? "c" : "r") + spec[0]);
      auto builder = StoreBuilder::open(directory, layout, {.compress = compress});
      for (int time = 0; time < 2; ++time) {
        std::vector<float> all = made(layout.grid, "msl", time, 0, false);
        for (double level : {850., 500.}) {
          const auto values = made(layout.grid, "t", time, level, false);
          all.insert(all.end(), values.begin(), values.end());
        }
        builder->write(layout.times[static_cast<size_t>(time)], all, "generator");
      }
      builder->finalise();
      int fields = 0;
      for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (entry.path().extension() != ".nc") continue;
        const auto reader = open_fields(entry.path());
        for (size_t k = 0; k < reader->fields().size(); ++k) {
          const Field f = reader->read(k);
          ASSERT_TRUE(f.name == "t" || f.name == "msl") << f.name;
          EXPECT_EQ(*f.grid, layout.grid);
          expect_same(f, made(layout.grid, f.name, f.valid_time == kStart ? 0 : 1, f.level.value, false));
          ++fields;
        }
      }
      EXPECT_EQ(fields, 6);
    }
}

}  // namespace
}  // namespace pear::io::layouts
