// Shared files through open_fields: names, levels, order, units, times, refusals.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/error.h"
#include "io/reader.h"

namespace pear::io {
namespace {

std::filesystem::path shared(const std::string& name) {
  const char* folder = std::getenv("PEAR_TEST_DATA");
  return std::filesystem::path(folder ? folder : "") / name;
}
#define NEED(name) \
  if (!std::filesystem::exists(shared(name))) GTEST_SKIP() << "file " << name << " absent"

std::string code_of(const std::filesystem::path& path) {
  try {
    const auto reader = open_fields(path);
    for (size_t i = 0; i < reader->fields().size(); ++i) reader->read(i);
  } catch (const Error& e) {
    return e.code();
  }
  return "";
}

size_t find(const FieldReader& reader, const std::string& name, double level) {
  for (size_t i = 0; i < reader.fields().size(); ++i)
    if (reader.fields()[i].name == name && reader.fields()[i].level.value == level) return i;
  ADD_FAILURE() << name << " at " << level << " absent";
  return 0;
}

TEST(GribReading, GfsStateHasEveryFieldOfMultiFieldMessages) {
  NEED("gfs/gfs_20111008_f072_2p5.grib2");
  const auto reader = open_fields(shared("gfs/gfs_20111008_f072_2p5.grib2"));
  EXPECT_EQ(reader->fields().size(), 344u);
  for (double level : {1000., 925., 850., 700., 600., 500., 400., 300., 250., 200., 150., 100., 50.})
    for (const char* name : {"z", "t", "u", "v", "r"}) find(*reader, name, level);
  const Field z = reader->read(find(*reader, "z", 500));
  EXPECT_EQ(z.units, "m2 s-2");
  EXPECT_EQ(z.grid->spec(), "latlon:73x144+poles");
  EXPECT_GT(z.values[36 * 144], 55000.f);
  EXPECT_EQ(format_time(z.valid_time), "2011-10-11T00:00:00Z");
}

TEST(GribReading, DamagedMessageIsNamedByItsByteAndCanBeSkipped) {
  NEED("grib_samples/cfgrib_era5-levels-corrupted.grib");
  const auto path = shared("grib_samples/cfgrib_era5-levels-corrupted.grib");
  try {
    open_fields(path);
    FAIL();
  } catch (const DataError& e) {
    EXPECT_EQ(e.code(), "BadMessage");
    EXPECT_NE(std::string(e.what()).find("at byte 0"), std::string::npos);
  }
  const auto reader = open_fields(path, {.skip_bad = true});
  EXPECT_EQ(reader->fields().size(), 1u);
  EXPECT_FALSE(reader->problems().empty());
}

TEST(GribReading, SpectralFieldIsRefusedByName) {
  NEED("grib_samples/cfgrib_spherical_harmonics.grib");
  EXPECT_EQ(code_of(shared("grib_samples/cfgrib_spherical_harmonics.grib")), "UnsupportedGrid");
}

TEST(GribReading, HealpixSampleHasItsKnownFirstValue) {
  NEED("grib_samples/earthkit_healpix_H8.grib2");
  const auto reader = open_fields(shared("grib_samples/earthkit_healpix_H8.grib2"));
  ASSERT_EQ(reader->fields().size(), 4u);
  const Field t = reader->read(0);
  EXPECT_EQ(t.grid->spec(), "healpix:8:ring");
  EXPECT_NEAR(t.values[0], 250.552475, 1e-4);
}

TEST(NetcdfReading, SouthFirstFileFromMinus180EqualsTheGribOfTheSameArea) {
  NEED("era5/era5_t2m_20170101T12_0p25.nc");
  NEED("era5/era5-single-level-scalar-time.grib");
  const auto whole = open_fields(shared("era5/era5_t2m_20170101T12_0p25.nc"))->read(0);
  const auto part = open_fields(shared("era5/era5-single-level-scalar-time.grib"))->read(0);
  EXPECT_EQ(whole.name, "t2m");
  EXPECT_EQ(part.name, "t2m");
  EXPECT_EQ(whole.grid->spec(), "latlon:721x1440+poles");
  EXPECT_EQ(whole.valid_time, part.valid_time);
  const auto& area = part.grid->latlon();
  for (size_t j = 0; j < area.lat_deg.size(); ++j)
    for (size_t i = 0; i < area.lon_deg.size(); ++i) {
      const long row = std::lround((90.0 - area.lat_deg[j]) * 4);
      const long col = std::lround((area.lon_deg[i] < 0 ? area.lon_deg[i] + 360 : area.lon_deg[i]) * 4) % 1440;
      ASSERT_EQ(part.values[static_cast<int64_t>(j * area.lon_deg.size() + i)], whole.values[row * 1440 + col]);
    }
}

TEST(NetcdfReading, TransposedGaussianFileIsPutInCanonicalOrder) {
  NEED("era5/era5_tl31_19590102T00.nc");
  const auto reader = open_fields(shared("era5/era5_tl31_19590102T00.nc"));
  const Field t = reader->read(find(*reader, "t", 850));
  EXPECT_EQ(t.grid->spec(), "gaussian:F16");
  EXPECT_EQ(format_time(t.valid_time), "1959-01-02T00:00:00Z");
  float north = 0, equator = 0;
  for (int i = 0; i < 64; ++i) north += t.values[i] / 64, equator += t.values[16 * 64 + i] / 64;
  EXPECT_GT(equator, north + 25.f);  // January
}

TEST(NetcdfReading, FacesAreXyNorthAndBlankUnitsAreRefusedUnlessTrusted) {
  NEED("healpix/dlwp_hpx_forecast.nc");
  const auto path = shared("healpix/dlwp_hpx_forecast.nc");
  EXPECT_EQ(code_of(path), "UnitsMismatch");
  const auto reader = open_fields(path, {.allow_suspect_units = true});
  const Field z = reader->read(find(*reader, "z", 500));
  EXPECT_EQ(z.grid->spec(), "healpix:32:xy-north");
  EXPECT_EQ(reader->fields().size(), 60u);
}

TEST(NetcdfReading, UnitsOfTheNcepClimatologyAreConverted) {
  NEED("reanalysis/NCEP_06_climo.nc");
  const auto reader = open_fields(shared("reanalysis/NCEP_06_climo.nc"));
  const Field z = reader->read(find(*reader, "z", 500));
  EXPECT_GT(z.values[32 * 128], 55000.f);
  const Field q = reader->read(find(*reader, "q", 1000));
  EXPECT_LT(q.values[32 * 128], 0.03f);
  const Field p = reader->read(find(*reader, "msl", 0));
  EXPECT_GT(p.values[32 * 128], 90000.f);
}

TEST(Recognising, ZipEmptyAndForeignFilesAreNamed) {
  const auto path = std::filesystem::temp_directory_path() / ("pear_recognise_" + std::to_string(::getpid()));
  const auto write = [&](const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; };
  write("PK\x03\x04 and more");
  EXPECT_EQ(code_of(path), "ZipNotNetcdf");
  write("");
  EXPECT_EQ(code_of(path), "TruncatedFile");
  write("something else entirely");
  EXPECT_EQ(code_of(path), "UnknownFormat");
  std::filesystem::remove(path);
  EXPECT_EQ(code_of(path), "FileNotFound");
}

}  // namespace
}  // namespace pear::io
