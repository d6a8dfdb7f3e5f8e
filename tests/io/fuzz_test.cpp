// Damaged files: cut anywhere or with a byte changed they give an error or other values, never a crash.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "base/error.h"
#include "io/field_file.h"
#include "io/grib_index.h"
#include "tests/base/scratch_folder.h"
#include "tests/io/layout_field.h"
#include "tests/io/netcdf_builder.h"

namespace pear::io::layouts {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Opens and decodes everything; returns the number of fields, or nothing if refused with a typed error.
std::optional<size_t> decode_all(const fs::path& path) {
  try {
    const auto reader = open_fields(path, {.skip_bad = true});
    for (size_t i = 0; i < reader->fields().size(); ++i) {
      try {
        reader->read(i);
      } catch (const Error&) {
      }
    }
    return reader->fields().size();
  } catch (const Error&) {
    return std::nullopt;
  }
}

class Fuzz : public test::ScratchFolder {
 protected:
  void write(const std::string& bytes) const { std::ofstream(path(), std::ios::binary | std::ios::trunc) << bytes; }
  fs::path path() const { return folder / "damaged"; }
  static fs::path shared(const std::string& name) {
    const char* data = std::getenv("PEAR_TEST_DATA");
    return fs::path(data ? data : "") / name;
  }
  /// Shared files that are there, and two written here.
  std::vector<fs::path> files() const {
    std::vector<fs::path> all;
    for (const char* name : {"grib_samples/metview_tuv_pl.grib", "grib_samples/earthkit_healpix_H8.grib2",
                             "grib_samples/cfgrib_era5-levels-corrupted.grib", "era5_static/t30_surface.nc"})
      if (fs::exists(shared(name))) all.push_back(shared(name));
    {
      NetcdfBuilder f(folder / "classic.nc", 0);
      std::vector<double> lat, lon;
      for (int j = 0; j < kRows; ++j) lat.push_back(90 - 10 * j);
      for (int i = 0; i < kCols; ++i) lon.push_back(10 * i);
      const int time = f.coordinate("time", NC_INT, {1051896, 1051902}, "hours since 1900-01-01");
      const int level = f.coordinate("level", NC_INT, {500, 850}, "millibars");
      const int row = f.coordinate("latitude", NC_FLOAT, lat, "degrees_north");
      const int col = f.coordinate("longitude", NC_FLOAT, lon, "degrees_east");
      const int v = f.variable("t", NC_SHORT, {time, level, row, col});
      f.text(v, "units", "K");
      f.number(v, "scale_factor", NC_DOUBLE, {kScale});
      f.number(v, "add_offset", NC_DOUBLE, {kOffset});
      f.fill();
      f.put(v, std::vector<double>(4 * kRows * kCols, 100));
    }
    all.push_back(folder / "classic.nc");
    Field f;
    f.name = "t", f.units = "K", f.level = {LevelType::Pressure, 500};
    f.grid = std::make_shared<const sphere::Grid>(sphere::Grid::from_spec("healpix:4"));
    f.values = Array<float>({192}, 250.f);
    std::vector<Field> one;
    one.push_back(std::move(f));
    write_fields(folder / "own.nc", one, "{}");
    all.push_back(folder / "own.nc");
    return all;
  }
};

TEST_F(Fuzz, FilesCutAnywhereGiveAnErrorOrAShorterList) {
  std::mt19937 random(1);
  for (const fs::path& file : files()) {
    const std::string all = content(file);
    const size_t whole = decode_all(file).value_or(0);
    for (int k = 0; k < 200; ++k) {
      const size_t length = random() % all.size();
      write(all.substr(0, length));
      const auto fields = decode_all(path());
      EXPECT_TRUE(!fields || *fields < whole || (*fields == whole && whole == 0)) << file << " cut at " << length;
    }
  }
}

TEST_F(Fuzz, FilesWithAChangedByteNeverCrash) {
  std::mt19937 random(2);
  for (const fs::path& file : files()) {
    const std::string all = content(file);
    for (int k = 0; k < 200; ++k) {
      std::string bytes = all;
      const size_t at = random() % (k % 2 == 0 ? std::min<size_t>(512, all.size()) : all.size());
      bytes[at] = static_cast<char>(random());
      write(bytes);
      SCOPED_TRACE(file.string() + " changed at byte " + std::to_string(at));
      EXPECT_NO_THROW(decode_all(path()));
    }
  }
}

TEST_F(Fuzz, AScaledGrib1LengthOfNothingIsABadMessage) {
  // Edition 1, length 0x800000 + n: the bit says "times 120", and a section 4 of 120 bytes or more says "not scaled".
  for (const int n : {0, 1, 3, 4}) {
    for (const char section4 : {'\0', '\x77', '\x78', '\xff'}) {
      const std::string section1 = std::string("\0\0\x1c", 3) + std::string(25, '\0');
      const std::string message = std::string("GRIB\x80\0", 6) + static_cast<char>(n) + '\1' + section1 +
                                  std::string("\0\0", 2) + section4 + std::string(200, '\0') + "7777";
      for (const std::string& bytes : {message, "7777" + message, std::string(500, '7') + message}) {
        write(bytes);
        EXPECT_THROW(index_grib(path(), false), DataError);
        EXPECT_TRUE(index_grib(path(), true).fields.empty());
      }
    }
  }
}

}  // namespace
}  // namespace pear::io::layouts
