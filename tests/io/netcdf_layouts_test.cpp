// Files of every NetCDF layout in use, written with NetCDF-C: the same field must come out of all of them.
#include <gtest/gtest.h>
#include <netcdf.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "tests/base/scratch_folder.h"
#include "tests/io/layout_field.h"
#include "tests/io/netcdf_builder.h"

namespace pear::io::layouts {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
const std::vector<double> kLevels = {500, 850};

/// How a file is laid out. Times are 2020-01-01T00 and T06.
struct Layout {
  std::string name;
  int mode = NC_NETCDF4;
  nc_type type = NC_SHORT;
  double scale = kScale, offset = kOffset;  ///< of packed types
  bool is_new_cds = false, is_south_first = false, is_from_minus_180 = false, has_duplicate = false;
  bool is_transposed = false;  ///< (level, longitude, latitude, time)
  double duplicate_error = 0;
};

std::vector<double> latitudes(const Layout& layout) {
  std::vector<double> all;
  for (int j = 0; j < kRows; ++j) all.push_back(layout.is_south_first ? -90 + 10 * j : 90 - 10 * j);
  return all;
}
std::vector<double> longitudes(const Layout& layout) {
  std::vector<double> all;
  for (int i = 0; i < kCols + (layout.has_duplicate ? 1 : 0); ++i)
    all.push_back((layout.is_from_minus_180 ? -180 : 0) + 10 * i);
  return all;
}

double stored_value(const Layout& layout, int time, int level, int row, int col) {
  const int j = layout.is_south_first ? kRows - 1 - row : row;
  const int i = (col + (layout.is_from_minus_180 ? kCols / 2 : 0)) % kCols;
  double value = packed(time, level, j, i) * kScale + kOffset;
  if (col == kCols && row == 3) value += layout.duplicate_error;
  return layout.type == NC_SHORT ? (value - layout.offset) / layout.scale : value;
}

std::vector<double> stored_values(const Layout& layout) {
  const int cols = kCols + (layout.has_duplicate ? 1 : 0);
  std::vector<double> all;
  const auto level_at = [&](int l) { return layout.is_new_cds ? 1 - l : l; };  // the new service stores 850 first
  if (layout.is_transposed) {
    for (int l = 0; l < 2; ++l)
      for (int i = 0; i < cols; ++i)
        for (int j = 0; j < kRows; ++j)
          for (int t = 0; t < 2; ++t) all.push_back(stored_value(layout, t, level_at(l), j, i));
  } else {
    for (int t = 0; t < 2; ++t)
      for (int l = 0; l < 2; ++l)
        for (int j = 0; j < kRows; ++j)
          for (int i = 0; i < cols; ++i) all.push_back(stored_value(layout, t, level_at(l), j, i));
  }
  return all;
}

void write(const std::filesystem::path& path, const Layout& layout) {
  NetcdfBuilder f(path, layout.mode);
  const bool is_new = layout.is_new_cds;
  const int time = is_new ? f.coordinate("valid_time", NC_INT64, {1577836800, 1577858400}, "seconds since 1970-01-01")
                          : f.coordinate("time", NC_INT, {1051896, 1051902}, "hours since 1900-01-01 00:00:00.0");
  const int level = is_new ? f.coordinate("pressure_level", NC_DOUBLE, {850, 500}, "hPa")
                           : f.coordinate("level", NC_INT, kLevels, "millibars");
  const int lat = f.coordinate("latitude", NC_FLOAT, latitudes(layout), is_new ? "degrees_north" : "degrees");
  const int lon = f.coordinate("longitude", NC_FLOAT, longitudes(layout), is_new ? "degrees_east" : "degrees");
  const std::vector<int> dims =
      layout.is_transposed ? std::vector{level, lon, lat, time} : std::vector{time, level, lat, lon};
  const int t = f.variable("t", layout.type, dims);
  f.text(t, "units", "K");
  int expver = -1;
  if (layout.type == NC_SHORT) {
    f.number(t, "scale_factor", NC_DOUBLE, {layout.scale});
    f.number(t, "add_offset", NC_DOUBLE, {layout.offset});
    f.number(t, "_FillValue", NC_SHORT, {-32767});
    f.number(t, "missing_value", NC_SHORT, {-32767});
  }
  if (is_new) {
    f.number(t, "_FillValue", layout.type, {kNan});
    f.scalar("number", NC_INT64, 0, "1");
    expver = f.variable("expver", NC_STRING, {time});
    f.text(t, "GRIB_shortName", "t");
    f.number(t, "GRIB_paramId", NC_INT64, {130});
  }
  f.fill();
  f.put(t, stored_values(layout));
  if (is_new) f.put_texts(expver, {"0001", "0005"});
}

std::vector<Layout> all_layouts() {
  std::vector<Layout> all = {{.name = "old CDS"},
                             {.name = "old CDS, classic", .mode = 0},
                             {.name = "64-bit offset", .mode = NC_64BIT_OFFSET},
                             {.name = "64-bit data", .mode = NC_64BIT_DATA},
                             {.name = "negative scale", .scale = -kScale},
                             {.name = "doubles", .type = NC_DOUBLE},
                             {.name = "new CDS", .type = NC_FLOAT, .is_new_cds = true},
                             {.name = "transposed", .is_transposed = true}};
  const size_t plain = all.size();
  for (size_t k = 0; k < plain; ++k)
    for (int variant = 1; variant < 8; ++variant) {
      Layout layout = all[k];
      layout.is_south_first = variant & 1;
      layout.is_from_minus_180 = variant & 2;
      layout.has_duplicate = variant & 4;
      layout.name += ", variant " + std::to_string(variant);
      all.push_back(layout);
    }
  return all;
}

class NetcdfLayouts : public test::ScratchFolder {
 protected:
  /// A surface file (time, latitude, longitude) with room for changes before the definitions end.
  std::filesystem::path surface(const std::string& name, nc_type type, const std::string& units,
                                const std::function<void(NetcdfBuilder&, int)>& change,
                                const std::vector<double>& values, const std::string& calendar = "",
                                const std::string& time_units = "hours since 1900-01-01") {
    const auto path = folder / "surface.nc";
    NetcdfBuilder f(path);
    const int time = f.dimension("time", 1);
    const int clock = f.variable("time", NC_DOUBLE, {time});
    f.text(clock, "units", time_units);
    if (!calendar.empty()) f.text(clock, "calendar", calendar);
    const int lat = f.coordinate("latitude", NC_FLOAT, latitudes({}), "degrees_north");
    const int lon = f.coordinate("longitude", NC_FLOAT, longitudes({}), "degrees_east");
    const int v = f.variable(name, type, {time, lat, lon});
    if (!units.empty()) f.text(v, "units", units);
    if (change) change(f, v);
    f.fill();
    f.put(clock, {1051896});
    f.put(v, values);
    return path;
  }
  static std::vector<double> constant(double value) { return std::vector<double>(kRows * kCols, value); }
  /// A pressure-level variable with a level coordinate of its own spelling.
  std::filesystem::path levels(const std::string& coordinate, const std::vector<double>& values,
                               const std::string& units, const std::string& name = "t",
                               const std::string& own_units = "K", double value = 260) {
    const auto path = folder / "levels.nc";
    NetcdfBuilder f(path);
    const int level = f.coordinate(coordinate, NC_DOUBLE, values, units);
    const int lat = f.coordinate("lat", NC_FLOAT, latitudes({}), "");
    const int lon = f.coordinate("lon", NC_FLOAT, longitudes({}), "");
    const int v = f.variable(name, NC_FLOAT, {level, lat, lon});
    f.text(v, "units", own_units);
    f.fill();
    f.put(v, std::vector<double>(values.size() * kRows * kCols, value));
    return path;
  }
  /// (time, expver, latitude, longitude) with packed int16 values, as the old service mixed final and preliminary data.
  std::filesystem::path mixed(const std::vector<double>& versions,
                              const std::function<double(int version, int time, int row, int col)>& value) {
    const auto path = folder / "mixed.nc";
    NetcdfBuilder f(path, NC_64BIT_OFFSET);
    const int time = f.coordinate("time", NC_INT, {1051896, 1051902}, "hours since 1900-01-01");
    const int expver = f.coordinate("expver", NC_INT, versions, "");
    const int lat = f.coordinate("latitude", NC_FLOAT, latitudes({}), "degrees_north");
    const int lon = f.coordinate("longitude", NC_FLOAT, longitudes({}), "degrees_east");
    const int v = f.variable("t2m", NC_SHORT, {time, expver, lat, lon});
    f.text(v, "units", "K");
    f.number(v, "scale_factor", NC_DOUBLE, {kScale});
    f.number(v, "add_offset", NC_DOUBLE, {kOffset});
    f.number(v, "_FillValue", NC_SHORT, {-32767});
    f.fill();
    std::vector<double> all;
    for (int t = 0; t < 2; ++t)
      for (double e : versions)
        for (int j = 0; j < kRows; ++j)
          for (int i = 0; i < kCols; ++i) {
            const double x = value(static_cast<int>(e), t, j, i);
            all.push_back(std::isnan(x) ? -32767 : x);
          }
    f.put(v, all);
    return path;
  }
};

TEST_F(NetcdfLayouts, TheSameFieldComesOutOfEveryLayout) {
  for (const Layout& layout : all_layouts()) {
    SCOPED_TRACE(layout.name);
    const auto path = folder / "layout.nc";
    write(path, layout);
    const auto reader = open_fields(path);
    ASSERT_EQ(reader->fields().size(), 4u);
    EXPECT_EQ(reader->format(), layout.mode == NC_NETCDF4 ? "netcdf4" : "netcdf3");
    for (size_t k = 0; k < 4; ++k) {
      const Field f = reader->read(k);
      EXPECT_EQ(f.name, "t");
      EXPECT_EQ(f.units, "K");
      EXPECT_EQ(f.member, 0);
      EXPECT_EQ(f.level.type, LevelType::Pressure);
      EXPECT_EQ(f.grid->spec(), "latlon:19x36+poles");
      const int time = f.valid_time == parse_time("2020-01-01T06") ? 1 : 0;
      EXPECT_EQ(format_time(f.valid_time), time ? "2020-01-01T06:00:00Z" : "2020-01-01T00:00:00Z");
      ASSERT_EQ(values_of(f), expected_field(time, f.level.value == 850 ? 1 : 0)) << "field " << k;
    }
  }
}

TEST_F(NetcdfLayouts, DuplicatedMeridianThatDiffersIsRefusedByRow) {
  write(folder / "a.nc", {.name = "", .type = NC_DOUBLE, .has_duplicate = true, .duplicate_error = 0.5});
  std::string message;
  EXPECT_EQ(refusal(folder / "a.nc", &message), "DuplicateMeridianMismatch");
  EXPECT_NE(message.find("row 3"), std::string::npos) << message;
  EXPECT_NE(message.find("a.nc"), std::string::npos) << message;
}

TEST_F(NetcdfLayouts, ExperimentVersionsThatDoNotOverlapBecomeOneField) {
  for (const std::vector<double>& versions : {std::vector<double>{1, 5}, std::vector<double>{5, 1}}) {
    const auto path = mixed(versions, [](int version, int time, int j, int i) {
      return (version == 1) == (time == 0) ? packed(time, 0, j, i) : kNan;
    });
    const auto reader = open_fields(path);
    ASSERT_EQ(reader->fields().size(), 2u);
    for (int t = 0; t < 2; ++t) EXPECT_EQ(values_of(reader->read(static_cast<size_t>(t))), expected_field(t, 0));
  }
}

TEST_F(NetcdfLayouts, ExperimentVersionsThatDifferAreRefusedOrMergedOnRequest) {
  for (const std::vector<double>& versions : {std::vector<double>{1, 5}, std::vector<double>{5, 1}}) {
    const auto path = mixed(versions, [](int version, int time, int j, int i) {
      return version == 1 && i == 7 ? kNan : packed(time, version == 1 ? 0 : 1, j, i);
    });
    std::string message;
    EXPECT_EQ(refusal(path, &message), "DuplicateField");
    EXPECT_NE(message.find("expver=merge"), std::string::npos) << message;
    const Field merged = open_fields(path, {.expver = "merge"})->read(0);
    for (int j = 0; j < kRows; ++j)
      for (int i = 0; i < kCols; ++i) ASSERT_EQ(merged.values[j * kCols + i], expected(0, i == 7 ? 1 : 0, j, i));
  }
}

TEST_F(NetcdfLayouts, MixedVersionsOfTheNewServiceAreReported) {
  write(folder / "a.nc", {.name = "", .type = NC_FLOAT, .is_new_cds = true});
  const auto problems = open_fields(folder / "a.nc")->problems();
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find("1 x 0001 1 x 0005"), std::string::npos) << problems[0];
}

TEST_F(NetcdfLayouts, LevelUnitsAreUnderstood) {
  for (const char* units : {"hPa", "millibars", "mb", "millibar"})
    EXPECT_EQ(open_fields(levels("level", {500, 850}, units))->fields()[1].level.value, 850) << units;
  EXPECT_EQ(open_fields(levels("plev", {50000, 85000}, "Pa"))->fields()[1].level.value, 850);
  for (const char* name : {"level", "lev", "plev", "pressure_level", "isobaricInhPa"})
    EXPECT_EQ(open_fields(levels(name, {850, 1000}, ""))->fields()[1].level.value, 1000) << name;
}

TEST_F(NetcdfLayouts, ModelLevelsAndUnclearLevelsAreRefused) {
  std::string message;
  EXPECT_EQ(refusal(levels("level", {1, 2, 3, 4}, ""), &message), "MissingLevel");
  EXPECT_NE(message.find("model levels"), std::string::npos) << message;
  EXPECT_EQ(refusal(levels("level", {50000, 85000}, "")), "MissingLevel");
  EXPECT_EQ(refusal(levels("level", {1, 2, 3}, "1")), "MissingLevel");
  EXPECT_EQ(refusal(levels("lev", {500, 850}, "m")), "MissingLevel");
}

TEST_F(NetcdfLayouts, TimesOfManyUnitsAreTheSameInstant) {
  for (const char* units :
       {"hours since 1900-01-01", "hours since 1900-1-1 00:00:0.0", "hours since 1900-01-01T00:00:00Z",
        "hours since 1900-01-01 01:00:00 +01:00", "h since 1900-01-01 00:00 UTC"})
    for (const char* calendar : {"", "standard", "gregorian", "proleptic_gregorian"}) {
      const auto path = surface("t2m", NC_FLOAT, "K", nullptr, constant(280), calendar, units);
      EXPECT_EQ(format_time(open_fields(path)->fields()[0].valid_time), "2020-01-01T00:00:00Z") << units;
    }
}

TEST_F(NetcdfLayouts, OtherCalendarsAreRefusedByName) {
  for (const char* calendar : {"noleap", "365_day", "360_day", "julian", "all_leap"}) {
    std::string message;
    EXPECT_EQ(refusal(surface("t2m", NC_FLOAT, "K", nullptr, constant(280), calendar), &message),
              "CalendarUnsupported");
    EXPECT_NE(message.find(calendar), std::string::npos) << message;
    EXPECT_NE(message.find("surface.nc"), std::string::npos) << message;
  }
}

TEST_F(NetcdfLayouts, WrongUnitsNameFileVariableExpectedAndFound) {
  std::string message;
  EXPECT_EQ(refusal(surface("t2m", NC_FLOAT, "m s-1", nullptr, constant(280)), &message), "UnitsMismatch");
  for (const char* part : {"surface.nc", "t2m", "'K'", "'m s-1'"})
    EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
  EXPECT_EQ(refusal(surface("t2m", NC_FLOAT, "", nullptr, constant(280)), &message), "UnitsMismatch");
  EXPECT_NE(message.find("no units"), std::string::npos) << message;
}

TEST_F(NetcdfLayouts, ConvertibleUnitsAreConverted) {
  EXPECT_EQ(open_fields(surface("t2m", NC_FLOAT, "degC", nullptr, constant(15)))->read(0).values[0], 288.15f);
  EXPECT_EQ(open_fields(surface("msl", NC_FLOAT, "hPa", nullptr, constant(1010)))->read(0).values[0], 101000.f);
  EXPECT_FLOAT_EQ(open_fields(levels("level", {500, 850}, "hPa", "q", "g/kg", 2))->read(0).values[0], 0.002f);
  EXPECT_FLOAT_EQ(open_fields(levels("level", {500, 400}, "hPa", "z", "m", 5600))->read(0).values[0], 54917.24f);
}

TEST_F(NetcdfLayouts, UnitsThatTheValuesContradictAreSuspect) {
  EXPECT_EQ(refusal(surface("t2m", NC_FLOAT, "K", nullptr, constant(15))), "UnitsSuspect");
  EXPECT_EQ(refusal(surface("msl", NC_FLOAT, "Pa", nullptr, constant(1010))), "UnitsSuspect");
  for (const double level : {1000, 850, 500, 250, 100, 50})
    EXPECT_EQ(refusal(levels("level", {level}, "hPa", "t", "K", level > 300 ? 0 : -50)), "UnitsSuspect") << level;
  // ERA5 means in g/kg
  for (const auto& [level, q] :
       std::vector<std::pair<double, double>>{{1000, 6.7}, {500, 0.78}, {200, 0.017}, {50, 0.00282}})
    EXPECT_EQ(refusal(levels("level", {level}, "hPa", "q", "kg kg-1", q)), "UnitsSuspect") << level;
  for (const auto& [level, z] :
       std::vector<std::pair<double, double>>{{700, 2934}, {500, 5489}, {100, 16082}, {50, 20377}})
    EXPECT_EQ(refusal(levels("level", {level}, "hPa", "z", "m2 s-2", z)), "UnitsSuspect") << level;
  EXPECT_EQ(open_fields(surface("t2m", NC_FLOAT, "K", nullptr, constant(15)), {.allow_suspect_units = true})
                ->read(0)
                .values[0],
            15.f);
}

TEST_F(NetcdfLayouts, PlausibleSyntheticValuesAreNotSuspect) {
  for (const double level : {1000, 500, 200, 100, 50})
    for (const double q : {0.0, 1e-5, 1.5e-3})
      EXPECT_EQ(refusal(levels("level", {level}, "hPa", "q", "kg kg-1", q)), "") << level << " " << q;
  for (const double t : {200., 250., 290.}) EXPECT_EQ(refusal(levels("level", {500}, "hPa", "t", "K", t)), "") << t;
  EXPECT_EQ(refusal(surface("msl", NC_FLOAT, "Pa", nullptr, constant(100000))), "");
  EXPECT_EQ(refusal(levels("level", {50}, "hPa", "z", "m2 s-2", 190000)), "");
}

TEST_F(NetcdfLayouts, HeightsNearTheGroundAreJudgedByTheColumn) {
  const auto first_field = [](const std::filesystem::path& path) {
    try {
      open_fields(path)->read(0);
    } catch (const Error& e) {
      return e.code();
    }
    return std::string();
  };
  const auto column = [&](double factor) {
    const auto path = folder / "column.nc";
    NetcdfBuilder f(path);
    const int level = f.coordinate("level", NC_DOUBLE, {1000, 500}, "hPa");
    const int lat = f.coordinate("lat", NC_FLOAT, latitudes({}), "");
    const int lon = f.coordinate("lon", NC_FLOAT, longitudes({}), "");
    const int v = f.variable("z", NC_FLOAT, {level, lat, lon});
    f.text(v, "units", "m2 s-2");
    f.fill();
    std::vector<double> all = constant(1000 * factor), high = constant(54000 * factor);
    all.insert(all.end(), high.begin(), high.end());
    f.put(v, all);
    return path;
  };
  EXPECT_EQ(first_field(column(1)), "");
  EXPECT_EQ(first_field(column(1 / 9.80665)), "UnitsSuspect");
}

TEST_F(NetcdfLayouts, MissingValuesBecomeNan) {
  std::vector<double> values = constant(280);
  values[5] = kNan, values[6] = 1e20, values[7] = -999, values[8] = 400, values[9] = 100;
  const auto path = surface(
      "t2m", NC_FLOAT, "K",
      [](NetcdfBuilder& f, int v) {
        f.number(v, "_FillValue", NC_FLOAT, {1e20});
        f.number(v, "missing_value", NC_FLOAT, {-999});
        f.number(v, "valid_range", NC_FLOAT, {150, 350});
      },
      values);
  const Field f = open_fields(path)->read(0);
  for (int i : {5, 6, 7, 8, 9}) EXPECT_TRUE(std::isnan(f.values[i])) << i;
  EXPECT_EQ(std::count_if(f.values.data(), f.values.data() + f.values.size(), [](float x) { return std::isnan(x); }),
            5);
}

TEST_F(NetcdfLayouts, NanFillOfAnIntegerVariableMeansNothing) {
  std::vector<double> values = constant(2000);
  values[3] = 0;  // what NaN becomes when a library makes an integer of it
  const auto path = surface(
      "t2m", NC_SHORT, "K",
      [](NetcdfBuilder& f, int v) {
        f.number(v, "scale_factor", NC_DOUBLE, {0.01});
        f.number(v, "add_offset", NC_DOUBLE, {260});
        f.number(v, "missing_value", NC_DOUBLE, {kNan});
      },
      values);
  const Field f = open_fields(path)->read(0);
  EXPECT_EQ(f.values[0], 280.f);
  EXPECT_EQ(f.values[3], 260.f);
}

TEST_F(NetcdfLayouts, PackedValidRangeIsInStoredNumbers) {
  std::vector<double> values = constant(100);
  values[0] = 201, values[1] = -201, values[2] = 200, values[3] = -200;
  const auto path = surface(
      "t2m", NC_SHORT, "K",
      [](NetcdfBuilder& f, int v) {
        f.number(v, "scale_factor", NC_DOUBLE, {0.125});
        f.number(v, "add_offset", NC_DOUBLE, {270});
        f.number(v, "valid_range", NC_SHORT, {-200, 200});
      },
      values);
  const Field f = open_fields(path)->read(0);
  EXPECT_TRUE(std::isnan(f.values[0]) && std::isnan(f.values[1]));
  EXPECT_EQ(f.values[2], 295.f);
  EXPECT_EQ(f.values[3], 245.f);
}

TEST_F(NetcdfLayouts, UnsignedBytesAreUnsignedByTypeAndByAttribute) {
  std::vector<double> wide = constant(100), narrow = wide;
  wide[4] = 200, narrow[4] = 200 - 256;
  wide[5] = 255, narrow[5] = -1;  // the fill
  const auto common = [](NetcdfBuilder& f, int v) { f.number(v, "scale_factor", NC_DOUBLE, {1.0 / 256}); };
  const auto by_type = surface(
      "lsm", NC_UBYTE, "1",
      [&](NetcdfBuilder& f, int v) {
        common(f, v);
        f.number(v, "_FillValue", NC_UBYTE, {255});
      },
      wide);
  const Field a = open_fields(by_type)->read(0);
  const auto by_attribute = surface(
      "lsm", NC_BYTE, "1",
      [&](NetcdfBuilder& f, int v) {
        common(f, v);
        f.text(v, "_Unsigned", "true");
        f.number(v, "_FillValue", NC_BYTE, {-1});
      },
      narrow);
  const Field b = open_fields(by_attribute)->read(0);
  for (const Field* f : {&a, &b}) {
    EXPECT_EQ(f->values[0], 100.f / 256);
    EXPECT_EQ(f->values[4], 200.f / 256);
    EXPECT_TRUE(std::isnan(f->values[5]));
  }
}

TEST_F(NetcdfLayouts, CdmScalarsGiveTimeAndMember) {
  const auto path = folder / "cdm.nc";
  {
    NetcdfBuilder f(path);
    f.scalar("time", NC_INT, 1577836800, "seconds since 1970-01-01");
    f.scalar("realization", NC_INT, 3, "1");
    const int lat = f.coordinate("lat", NC_DOUBLE, latitudes({}), "degrees_north");
    const int lon = f.coordinate("lon", NC_DOUBLE, longitudes({}), "degrees_east");
    const int v = f.variable("t2m", NC_FLOAT, {lat, lon});
    f.text(v, "units", "K");
    f.fill();
    f.put(v, constant(280));
  }
  const FieldInfo info = open_fields(path)->fields().at(0);
  EXPECT_TRUE(info.has_time);
  EXPECT_EQ(format_time(info.valid_time), "2020-01-01T00:00:00Z");
  EXPECT_EQ(info.member, 3);
}

}  // namespace
}  // namespace pear::io::layouts
